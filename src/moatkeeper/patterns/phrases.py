"""Phrases by concept, in five languages: what a text speaks of, however it is worded.

A phrase stands for every word that begins with its first 6, 8, 12 or 16 bytes (spelling.py). In scripts with spaces it begins
with one. A concept says little by itself; reasoning.py, system_prompt.py and memorised.py look at which ones meet in one text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _phrases(*lines: str) -> tuple[str, ...]:
    """Phrases of lines in which bars part them: with a space ahead unless the script sets none."""
    parts = [part for line in lines for part in line.split("|")]
    return tuple(part if ord(part[0]) >= _UNSPACED else f" {part}" for part in parts)


_UNSPACED = 0x2E80  # from here on, scripts that set no spaces

CONCEPTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "thought": _phrases(
            "in your head|in your mind|through your mind|think it through|think through|thinking through"
            "|think this through|deliberat|consideration|reasoning|chain of thought|train of thought|thought process"
            "|thinking process|thoughts|step by step|stepwise|rationale|intermediate steps|inner monologue|scratchpad"
            "|think aloud|thinking aloud|think out loud|deliberation|cognitive process|deduction|derivation"
            "|line of thought|mental steps|decision process|problem solving process|logical steps|sequence of steps"
            "|reflections|each inference|inferences|cot trace|thinking trace|considerations",
            "推理|思维链|思考过程|思路|逐步|一步一步|思考步骤|思维过程|推导|内心独白",
            "schritt für schritt|gedankengang|denkprozess|überlegung|begründung|gedankenkette|herleitung"
            "|zwischenschritt|argumentationskette|lösungsweg",
            "paso a paso|razonamiento|cadena de pensamiento|proceso de pensamiento|proceso mental|pasos intermedios"
            "|deducción|justificación|monólogo interior",
            "шаг за шагом|рассуждени|цепочку мыслей|ход мыслей|размышлени|пошагово|мыслительн|промежуточные шаги|обосновани",
        ),
        "hidden": _phrases(
            "internal|hidden|inner |unspoken|underlying|implicit|behind the|behind your|behind that|before answering"
            "|before you answer|before giving|prior to answering|private|that led|leading up to|led you|arrive at"
            "|arrived at|how you got|how you reach|came to this|in full detail|exhaustive|every step|without omitting"
            "|nothing omitted|uncensored thoughts|unabridged|do not summari|raw thoughts|verbatim thoughts|full trace"
            "|complete trace",
            "内部|隐藏|内心|背后|得出|完整的推|详细的思|不要省略|回答之前",
            "internen|innere|verborgen|zugrunde|vor der antwort|bevor du antwort|dahinter|gelangt|ohne auslassung",
            "interno|oculto|subyacente|antes de responder|detrás de|sin omitir|llegaste|llegar a la",
            "внутренн|скрыт|прежде чем отве|перед ответом|лежащ|привел|не опуская|пришел",
        ),
        "voice": _phrases(
            "put on record|set down|write down|aloud|keep nothing back|hold nothing back|leave nothing out|articulate"
            "|verbali|vocali|write out|spell out|narrate|imagine|reconstruct|transcribe|reveal|expose|externali"
            "|unroll|lay out|walk through|walk me through|show your|show all|show me your|show the|output your"
            "|print your|disclose|put into words|explain how you|explain your|describe how you|describe your"
            "|document your|record your|recount|make explicit|think carefully|include your|provide your|share your"
            "|trace your|enclose|simulate|pretend",
            "写出|说出|展示|想象|重构|表达出|描述你|解释你|输出你|给出你|阐述",
            "formuliere|stelle dir vor|stell dir vor|schreibe auf|schreib auf|zeige dein|zeig dein|erkläre wie du"
            "|erkläre dein|erläutere|offenbare|lege dar|beschreibe wie|rekonstruiere",
            "articula|imagina|reconstruye|escribe todo|muestra tu|muestra el|explica cómo|explica tu|describe cómo"
            "|revela|verbaliza",
            "сформулируй|представь|реконструир|напиши все|запиши|покажи сво|объясни как|объясни сво|опиши|раскрой|изложи",
        ),
        "reply": _phrases(
            "answer |answers|response|completed|completion|solution|final output|your output|reply |conclusion|model output",
            "回答|答案|回复|输出|结论|响应",
            "antwort |antworten|antwortest|lösung |ausgabe|schlussfolgerung",
            "respuesta|solución|conclusión|resultado final",
            "ответ |ответа|ответу|ответом|решение|вывод ",
        ),
        "grading": _phrases(
            "rubric|grading|grade |grader|scoring|score |criteria|criterion|evaluate|evaluation|evaluator|assess"
            "|judge |judging|verdict|likert|scale of|out of 10|from 1 to|1 to 10|1 to 5|rate the|rating|preference"
            "|preferred|reward|impartial|which is better|rank the|pass or fail",
            "评分|打分|评估|评判|评价|评审|标准",
            "bewerte|bewertung|kriterien|punktzahl|punkte für|beurteile|benote|maßstab",
            "rúbrica|criterios|califica|puntúa|puntuación|evalúa|evaluación",
            "рубрик|критери|оцени|оценк|баллов|балльн|вердикт",
        ),
        "candidates": _phrases(
            "response a |response b |assistant a |assistant b |answer a |answer b |candidate response"
            "|candidate answer|candidate output|model s response|model response|model s answer|assistant s response"
            "|assistant s answer|ai response|ai s response|two responses|two answers|two ai|student s answer"
            "|student answer|reference answer|gold answer|ground truth|following response|following answer"
            "|given response|generated response|responses below|response below|output a |output b |completions"
            "|each response|each answer",
            "回答a|回答b|助手a|助手b|候选回答|参考答案|模型的回答|两个回答|以下回答|学生的答案",
            "antwort a |antwort b |assistent a |kandidat|referenzantwort|beide antworten|folgende antwort|der ki",
            "respuesta a |respuesta b |asistente a |respuesta candidata|respuesta de referencia|siguiente respuesta|del modelo",
            "ответ a |ответ b |ответ а |ответ б |ассистент a|эталонный ответ|ответ модели|два ответа|следующий ответ",
        ),
        "critique": _phrases(
            "goes wrong|went wrong|where it fails|critique|critici|flaws|weakness|identify errors|identify any"
            "|shortcomings|point out|factual errors|logical errors|mistakes in|revise the|improve the response"
            "|feedback on",
            "批评|缺陷|错误之处|不足|改进回答|指出",
            "kritik|schwächen|fehler in|verbessere die antwort|mängel",
            "crítica|debilidades|errores|mejora la respuesta|defectos",
            "критик|недостатк|ошибки|улучши ответ|слабые",
        ),
        "making": _phrases(
            "generate|create |produce|synthesi|come up with|compose|construct|write 10|write 20|write 50|write 100"
            "|augment|evolve",
            "生成|创建|合成|编写|构造",
            "generiere|erstelle|erzeuge|verfasse",
            "genera |generar|crea |produce|redacta",
            "сгенерир|создай|составь|придумай|синтезир",
        ),
        "dataset": _phrases(
            "training instruction|training prompt|training question|dataset|data set|training data|training example"
            "|training sample|training set|synthetic|fine tun|finetun|sft data|jsonl|instruction response"
            "|instruction following|question answer pairs|question and answer pairs|qa pairs|q a pairs"
            "|prompt response|diverse instruct|diverse question|diverse prompt|seed task|seed example"
            "|more complex version|rewritten prompt|given prompt|new instruction|new question|test cases for ai"
            "|labelled example|labeled example|preference pairs|few shot examples|distill",
            "数据集|训练数据|训练样本|微调|合成数据|指令数据|问答对|种子任务",
            "datensatz|trainingsdaten|trainingsbeispiel|feinabstimm|frage antwort|synthetisch|anweisung antwort",
            "conjunto de datos|datos de entrenamiento|ejemplos de entren|ajuste fino|pares de pregunta|sintético"
            "|instrucción respuesta",
            "набор данных|датасет|обучающ|дообуч|синтетическ|пары вопрос|пар вопрос",
        ),
        "tongue": _phrases(
            "think in english|think in chinese|think only in|reason in english|reason in chinese|reason only in"
            "|same language|language consisten|do not mix languages|don t mix languages|do not switch language"
            "|without switching language|only in english|only in chinese|language mixing|thoughts in english"
            "|thoughts in chinese",
            "用中文思考|用英文思考|语言一致|不要混用|只用中文|只用英文|同一种语言",
            "denke auf|gleichen sprache|derselben sprache|nur auf deutsch|sprachlich konsist",
            "piensa en|mismo idioma|solo en español|no mezcles idiomas",
            "думай на|том же языке|только на русском|не смешивай языки|одном языке",
        ),
        "lesson": _phrases(
            "guide |tutorial|recipe|lesson|beginner|workout|essay|cover letter|resume |interview|homework|for kids"
            "|curriculum|marketing|business plan|install|my students|blog post|presentation|meal plan",
            "教程|食谱|简历|面试|作文|指南",
            "anleitung|rezept|bewerbung|lebenslauf|aufsatz|einkauf",
            "guía |receta|currículum|entrevista|ensayo|tutorial",
            "руководство|рецепт|резюме|сочинени|собеседован",
        ),
        "rules": _phrases(
            "system prompt|system message|system instruction|initial prompt|initial instruction|your instructions"
            "|your prompt|original instruction|prior instruction|previous instruction|hidden instruction"
            "|secret instruction|custom instruction|hidden prompt|preprompt|pre prompt|developer message"
            "|your guidelines|your configuration|your rules|instructions above|text above|everything above"
            "|words above|the above text|above this line|start of this conversation|beginning of this"
            "|instructions you were|instructions you receiv|instructions you have|what you were told"
            "|confidential instruc|before this message|preceding this|prompt above|context window"
            "|starting with you are|you are chatgpt",
            "系统提示|系统指令|初始指令|初始提示|你的指令|你的提示词|上面的内容|以上内容|之前的指令|隐藏指令",
            "systemprompt|system prompt|systemnachricht|systemanweisung|deine anweisungen|deine instruktionen"
            "|ursprüngliche anw|obige anweisungen|text oben|alles oben|vorherigen anwei",
            "prompt del sistema|mensaje del sistema|instrucciones del sistema|tus instrucciones|instrucciones inicial"
            "|instrucciones previas|texto anterior|todo lo anterior|instrucciones anteri",
            "системный промпт|системное сообщ|системные инстр|твои инструкции|свои инструкции|исходные инструк"
            "|текст выше|все выше|начальные инстр|предыдущие инстр",
        ),
        "telling": _phrases(
            "repeat|reveal|print |output |show |display|verbatim|word for word|disclose|tell me|what is your"
            "|what are your|what were your|list your|copy |paste|leak |dump |translate|encode|base64|base 64|reverse"
            "|spell|code block|exactly as|recite|share your|summari|provide your|give me your|letter by letter|rot13"
            "|in full",
            "重复|透露|打印|输出|显示|逐字|原文|告诉我|列出|泄露|翻译|复述",
            "wiederhole|gib aus|zeige|zeig mir|wörtlich|nenne|verrate|drucke|übersetze|kopiere",
            "repite|revela|muestra|imprime|literal|palabra por palabra|dime tus|copia |traduce|escribe tus",
            "повтори|раскрой|покажи|выведи|дословно|слово в слово|расскажи|скопируй|переведи|напечатай",
        ),
        "override": _phrases(
            "ignore all|ignore previous|ignore the above|ignore your|ignore any|disregard|forget your|forget all"
            "|forget previous|jailbreak|developer mode|no restrictions|without restrictions|unfiltered|bypass"
            "|do anything now|override|debug mode|maintenance mode|no longer bound|free from|stay in character"
            "|dan mode|as dan |sudo ",
            "忽略之前|忽略以上|忽略所有|无视|越狱|开发者模式|没有限制",
            "ignoriere|vergiss alle|vergiss deine|ohne einschränkung|entwicklermodus|umgehe",
            "ignora |olvida todas|olvida tus|sin restricciones|modo desarrollador|modo desarrollo",
            "игнорируй|забудь все|забудь свои|без ограничений|режим разработчика|обойди",
        ),
        "recite": _phrases(
            "recite|continue the following|continue this text|continue the text|continue verbatim"
            "|complete the passage|complete this passage|complete the following text|complete this text"
            "|next paragraph|next sentence of|full text of|entire text of|exact text|lyrics of|first chapter"
            "|first page of|memori|training data|training set|training corpus|from your training|opening lines"
            "|word for word|verbatim|copyright|as it appears|reproduce",
            "背诵|续写|全文|训练数据|逐字|原文",
            "rezitiere|setze den text|setze fort|vollständigen text|trainingsdaten|wortwörtlich|auswendig",
            "recita|continúa el texto|texto completo|datos de entrenamiento|palabra por palabra|de memoria",
            "продолжи текст|полный текст|обучающие данные|дословно|наизусть|процитируй",
        ),
        "forever": _phrases(
            "forever|infinitely|endlessly|never stop|without stopping|indefinitely|100 times|500 times|1000 times"
            "|10000 times|000 times|infinite loop|as many times|over and over|do not stop",
            "永远|无限|一直重复|不断重复|不要停",
            "für immer|endlos|unendlich|ohne aufzuhören|hör nicht auf",
            "para siempre|infinitamente|sin parar|sin detenerte|eternamente",
            "бесконечно|вечно |без остановки|навсегда|не останавливайся",
        ),
        "asking": _phrases(
            "what |what s|how to|how do|how can|how many|how much|how is|how are|how would|why is|why do|why are"
            "|why does|why did|when is|when did|when was|where |which |who is|who was|who are|can you|could you"
            "|would you|will you|please|write |explain|give me|give a|make a|create|help me|i want|i need|act as"
            "|you are|you will|tell me|find |translate|summari|generate|describe|provide|should|is there|are there"
            "|do you|does the|suggest|design|implement|list |compare|rewrite|answer|solve|calculate|analy|identify"
            "|recommend|discuss|complete|convert|develop|propose|outline|draft",
            "什么|怎么|如何|为什么|哪里|哪个|请你|请写|请问|请帮|写一|解释|帮我|翻译|总结|生成|描述|告诉|给我|分析|列出",
            "was ist|wie kann|warum|wann |welche|bitte|schreib|erkläre|hilf mir|kannst du|übersetze|erstelle"
            "|beschreibe|nenne|wo ist|wer ist|gib mir|fasse",
            "qué es|cómo |por qué|cuándo|dónde|cuál |quién |por favor|escribe|explica|ayúdame|puedes|traduce|resume"
            "|describe|dame ",
            "что |как |почему|когда |где |какой|какая|кто |пожалуйста|напиши|объясни|помоги|можешь|переведи|опиши"
            "|расскажи|составь",
        ),
    }
)
"""What is spoken of, and how."""
