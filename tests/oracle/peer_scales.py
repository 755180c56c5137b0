"""peer_scales.py - runs llm-compressor's model_free_ptq; needs the peers' environment (env.sh --peers)

    peer_scales.py JOBS.json      [{"source": ..., "out": ..., "quantization": {...}, "ignore": [...]}]

quantization is a quantization_config; out gets what llm-compressor makes of it.  Prints a JSON
list: null, or why it could not.
"""
import json
import sys

from compressed_tensors.quantization import QuantizationScheme
from llmcompressor import model_free_ptq
from loguru import logger


def convert(job):
    (group,) = job["quantization"]["config_groups"].values()
    model_free_ptq(job["source"], job["out"], scheme=QuantizationScheme(**group),
                   ignore=job["ignore"], device="cpu")


def main():
    logger.remove()
    reasons = []
    for job in json.load(open(sys.argv[1])):
        try:
            convert(job)
            reasons.append(None)
        except Exception as error:      # reported to the judge, which fails the check
            reasons.append(f"{type(error).__name__}: {error}")
    print("\n" + json.dumps(reasons))


main()
