#!/usr/bin/env python3
"""peer_llmcompressor.py MODEL OUT - the conversion to W8A8 by llm-compressor; time without imports

Runs in the environment that `tests/oracle/env.sh --peers` makes.
"""
import resource
import sys
import time

from llmcompressor import model_free_ptq
from loguru import logger

logger.remove()
begin = time.monotonic()
model_free_ptq(sys.argv[1], sys.argv[2], scheme="W8A8", ignore=["lm_head", "model.embed_tokens"],
               device="cpu")
seconds = time.monotonic() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"llm-compressor to ct-w8a8, without imports: {seconds:.2f} s, {peak:.0f} MB")
