#!/usr/bin/env python3
"""peer_bnb.py MODEL OUT - the same conversion by bitsandbytes through transformers; time without imports"""
import resource
import sys
import time

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

begin = time.monotonic()
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16, device_map="cpu",
                                             quantization_config=BitsAndBytesConfig(load_in_8bit=True))
model.save_pretrained(sys.argv[2])
seconds = time.monotonic() - begin
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"bitsandbytes, without imports: {seconds:.2f} s, {peak:.0f} MB")
