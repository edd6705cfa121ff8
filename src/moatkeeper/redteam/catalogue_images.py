"""Attacks on models of images: a new one is one file and one line here."""

from __future__ import annotations

from moatkeeper.redteam.attacks.activethief_dfal import ActiveThiefDfal
from moatkeeper.redteam.attacks.activethief_kcenter import ActiveThiefKCenter
from moatkeeper.redteam.attacks.activethief_uncertainty import ActiveThiefUncertainty
from moatkeeper.redteam.attacks.copycat import Copycat
from moatkeeper.redteam.attacks.data_free import DataFree
from moatkeeper.redteam.attacks.jbda import Jbda
from moatkeeper.redteam.attacks.jbda_tr import JbdaTr
from moatkeeper.redteam.attacks.knockoff import Knockoff
from moatkeeper.redteam.attacks.knockoff_adaptive import KnockoffAdaptive
from moatkeeper.redteam.attacks.random_pool import RandomPool
from moatkeeper.redteam.attacks.semi_supervised import SemiSupervised
from moatkeeper.redteam.cards import Modality, RowCard

IMAGES: tuple[RowCard, ...] = (
    RowCard(RandomPool.name, Modality.IMAGE, "images of the right population", "the baseline of MEBench", RandomPool),
    RowCard(Knockoff.name, Modality.IMAGE, "images of any population", "Orekondy et al. 2019, 4.1.1", Knockoff),
    RowCard(KnockoffAdaptive.name, Modality.IMAGE, "images of any population", "Orekondy et al. 2019, 4.1.2", KnockoffAdaptive),
    RowCard(Copycat.name, Modality.IMAGE, "foreign images, labels", "Correia-Silva et al. 2018", Copycat),
    RowCard(ActiveThiefUncertainty.name, Modality.IMAGE, "images", "Pal et al. 2020, uncertainty", ActiveThiefUncertainty),
    RowCard(ActiveThiefKCenter.name, Modality.IMAGE, "images", "Pal et al. 2020, k-center", ActiveThiefKCenter),
    RowCard(ActiveThiefDfal.name, Modality.IMAGE, "images", "Pal et al. 2020, DFAL", ActiveThiefDfal),
    RowCard(Jbda.name, Modality.IMAGE, "100 images of the right population", "Papernot et al. 2017, 4.1", Jbda),
    RowCard(JbdaTr.name, Modality.IMAGE, "100 images of the right population", "Juuti et al. 2019, T-RND", JbdaTr),
    RowCard(SemiSupervised.name, Modality.IMAGE, "images of the right population", "Jagielski et al. 2020", SemiSupervised),
    RowCard(DataFree.name, Modality.IMAGE, "nothing but the documented ranges", "Truong et al. 2021, lighter", DataFree),
)
