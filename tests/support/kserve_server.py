"""A model server that speaks KServe v2 as Triton does: JSON and binary tensors, classification strings, and its side doors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

WEIGHTS = np.array([[0.31, -1.27, 0.58], [-0.44, 0.93, 0.11], [1.02, 0.27, -0.66], [0.05, -0.38, 0.74]], dtype=np.float32)
LABELS = ("cat", "dog", "fox")
HEADER_LENGTH = "inference-header-content-length"


def probabilities(rows: FloatArray) -> FloatArray:
    """The model: class probabilities, shape (n, 3), of rows of shape (n, 4)."""
    logits = rows @ WEIGHTS
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


@dataclass
class KServeServer:
    """The server's memory: the paths and the documents that reached it."""

    paths: list[str] = field(default_factory=list)
    documents: list[Mapping[str, object]] = field(default_factory=list)

    def app(self) -> Starlette:
        """The ASGI application: inference, health and metadata, and all that must stay closed."""
        return Starlette(
            routes=[
                Route("/v2/models/{model}/infer", self.infer, methods=["POST"]),
                Route("/v2/models/{model}/versions/{version}/infer", self.infer, methods=["POST"]),
                Route("/v2/models/{model}/ready", self.plain),
                Route("/v2/health/live", self.plain),
                Route("/v2/health/ready", self.plain),
                Route("/v2", self.server_metadata),
                Route("/v2/models/{model}", self.model_metadata),
                Route("/{path:path}", self.side_door, methods=["GET", "POST"]),
            ]
        )

    async def plain(self, request: Request) -> Response:
        """Health: 200 and nothing else."""
        return Response()

    async def server_metadata(self, request: Request) -> Response:
        """What the server is."""
        return JSONResponse({"name": "triton", "version": "2.60.0", "extensions": ["classification", "binary_tensor_data"]})

    async def model_metadata(self, request: Request) -> Response:
        """Names and shapes of a model's tensors."""
        tensors = [("probabilities", [-1, 3]), ("logits", [-1, 3])]
        outputs = [{"name": name, "datatype": "FP32", "shape": shape} for name, shape in tensors]
        inputs = [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
        model = request.path_params["model"]
        return JSONResponse({"name": model, "versions": ["1"], "platform": "onnx", "inputs": inputs, "outputs": outputs})

    async def side_door(self, request: Request) -> Response:
        """Repository, shared memory, statistics and the like: open here, to be closed in front."""
        self.paths.append(request.url.path)
        return JSONResponse({})

    async def infer(self, request: Request) -> Response:
        """Inference in either form of tensors."""
        self.paths.append(request.url.path)
        body = await request.body()
        split = int(request.headers.get(HEADER_LENGTH, len(body)))
        document = orjson.loads(body[:split])
        self.documents.append(document)
        (tensor,) = document["inputs"]
        if list(tensor["shape"])[1:] != [4]:
            return JSONResponse({"error": f"unexpected shape for input 'x', expected [-1,4], got {tensor['shape']}"}, 400)
        raw = np.frombuffer(body[split:], "<f4") if body[split:] else np.array(tensor["data"], dtype=np.float32)
        scores = probabilities(np.asarray(raw, dtype=np.float32).reshape(tensor["shape"]))
        values = {"probabilities": scores, "logits": np.asarray(np.log(scores), dtype=np.float32)}
        by_default = bool(document.get("parameters", {}).get("binary_data_output"))
        asked = document.get("outputs") or [{"name": name} for name in values]
        pieces = [_output(output, values[output["name"]], by_default) for output in asked]
        head = orjson.dumps(
            {
                "model_name": request.path_params["model"],
                "model_version": "1",
                "parameters": {"execution_us": 1234},
                "outputs": [described for described, _ in pieces],
            }
        )
        tail = b"".join(data for _, data in pieces)
        if not tail:
            return Response(head, media_type="application/json")
        return Response(head + tail, media_type="application/octet-stream", headers={HEADER_LENGTH: str(len(head))})


def _output(asked: Mapping[str, object], values: FloatArray, binary_by_default: bool) -> tuple[dict[str, object], bytes]:
    """One output's description, and its data where they stand behind the document."""
    parameters = asked.get("parameters")
    options = parameters if isinstance(parameters, dict) else {}
    described: dict[str, object] = {"name": asked["name"], "datatype": "FP32", "shape": list(values.shape)}
    binary = bool(options.get("binary_data", binary_by_default))
    classes = options.get("classification", 0)
    if classes:
        texts = [_class(row, index) for row in values for index in np.argsort(-row)[:classes]]
        described |= {"datatype": "BYTES", "shape": [len(values), min(classes, values.shape[1])]}
        data = b"".join(len(text).to_bytes(4, "little") + text.encode() for text in texts)
        plain: list[object] = list(texts)
    else:
        data, plain = values.astype("<f4").tobytes(), list(values.ravel().tolist())
    if binary:
        return described | {"parameters": {"binary_data_size": len(data)}}, data
    return described | {"data": plain}, b""


def _class(row: FloatArray, index: np.intp) -> str:
    return f"{row[index]:.6f}:{index}:{LABELS[index]}"
