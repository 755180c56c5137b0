"""runtime_vllm.py - builds vLLM 0.33.0's own models for directories and loads them, without a GPU

    runtime_vllm.py JOBS.json      [{"out": DIR, "class": "llama:LlamaForCausalLM", "tp": 1, "cc": 80}]

needs the peers' environment (env.sh --peers).  The model class, its layers with their quantization, the choice
of kernels and load_weights are vLLM's; attention is left out, and the platform says that it is CUDA.  No kernel
runs: what a kernel refuses later is not seen.  Prints a JSON list of ["loads" or "fails", message].
"""
import importlib
import json
import os
import sys
import types
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", VLLM_LOGGING_LEVEL="CRITICAL", HF_HUB_OFFLINE="1")

import torch
import unfilled
import vllm._custom_ops as operations
import vllm.distributed as distributed
from transformers import AutoConfig
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.config.device import DeviceConfig
from vllm.model_executor.layers.quantization.compressed_tensors.compressed_tensors import (
    CompressedTensorsConfig, CompressedTensorsKVCacheMethod)
from vllm.model_executor.layers.fused_moe.experts import marlin_moe, triton_moe  # noqa: before pretend
from vllm.model_executor.model_loader.utils import configure_quant_config
from vllm.platforms import current_platform
from vllm.platforms.interface import DeviceCapability, PlatformEnum

torch.set_num_threads(1)
for word in dir(operations):        # what the compiled half would be asked
    if "support" in word:
        setattr(operations, word, lambda *args, **words: True)


class Attention(torch.nn.Module):
    def __init__(self, *args, **words):
        super().__init__()


class Loose(types.SimpleNamespace):
    """Settings, of which all others are None."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)


class Cuda(type(current_platform)):
    _enum = PlatformEnum.CUDA
    capability = 80

    @classmethod
    def is_cuda(cls):
        return True

    @classmethod
    def is_cuda_alike(cls):
        return True

    @classmethod
    def get_device_capability(cls, device_id=0):
        return DeviceCapability(*divmod(Cuda.capability, 10))

    @classmethod
    def has_device_capability(cls, capability, device_id=0):
        least = capability if isinstance(capability, int) else capability[0] * 10 + capability[1]
        return Cuda.capability >= least

    @classmethod
    def is_device_capability(cls, capability, device_id=0):
        wanted = capability if isinstance(capability, int) else capability[0] * 10 + capability[1]
        return Cuda.capability == wanted


PLACES = ("vllm.model_executor.kernels", "vllm.model_executor.layers.quantization",
          "vllm.model_executor.layers.fused_moe")


def pretend(tp):
    """The platform and the number of GPUs, wherever their names were imported to."""
    platform = Cuda()
    for name, module in list(sys.modules.items()):
        if name.startswith(PLACES) and hasattr(module, "current_platform"):
            module.current_platform = platform
        if name.startswith("vllm.") and hasattr(module, "get_tensor_model_parallel_world_size"):
            module.get_tensor_model_parallel_world_size = lambda: tp


def settings(job):
    config = AutoConfig.from_pretrained(job["out"])
    dtype = config.dtype if isinstance(config.dtype, torch.dtype) else torch.bfloat16
    vllm = VllmConfig(device_config=DeviceConfig(device="cpu"))
    quantization = json.loads((Path(job["out"]) / "config.json").read_text())["quantization_config"]
    quant_config = CompressedTensorsConfig.from_config(quantization)
    model = Loose(hf_config=config, hf_text_config=config, dtype=dtype, max_model_len=64,
                  quantization="compressed-tensors", runner_type="generate", model=job["out"],
                  is_moe=True, get_num_experts=lambda: getattr(config, "num_local_experts", 0))
    object.__setattr__(vllm, "quant_config", quant_config)
    object.__setattr__(vllm, "model_config", model)
    return vllm


def load(job):
    module, name = job["class"].split(":")
    module = importlib.import_module("vllm.model_executor.models." + module)
    for word in ("Attention", "EncoderOnlyAttention"):
        if hasattr(module, word):
            setattr(module, word, Attention)
    Cuda.capability = job["cc"]
    pretend(job["tp"])
    vllm = settings(job)
    CompressedTensorsKVCacheMethod.validate_kv_cache_scheme(vllm.quant_config.kv_cache_scheme)
    cls = getattr(module, name)
    configure_quant_config(vllm.quant_config, cls)
    with set_current_vllm_config(vllm):
        if not distributed.model_parallel_is_initialized():
            distributed.init_distributed_environment(
                1, 0, f"file:///tmp/runtime-vllm-{os.getpid()}", 0, backend="gloo")
            distributed.initialize_model_parallel(1, 1)
        torch.set_default_dtype(vllm.model_config.dtype)
        model = cls(vllm_config=vllm, prefix="")
        return unfilled.fill(model, job["out"])


unfilled.answer(sys.argv[1], load)
