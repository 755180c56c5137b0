"""peer_bnb_cuda.py - bitsandbytes on a GPU: codes, igemmlt and dequant of the same layers

Median of rounds by CUDA events, over weights that take turns.  Exit 77 where torch sees no GPU.
"""
import sys

try:
    import bitsandbytes.functional as F
    import torch
except ImportError as error:
    print(f"peer_bnb_cuda.py: SKIPPED: {error}")
    sys.exit(77)

LAYERS = (("7B qkv", 12288, 4096), ("7B o", 4096, 4096), ("7B gate_up", 22016, 4096),
          ("7B down", 4096, 11008), ("70B qkv", 10240, 8192), ("70B o", 8192, 8192),
          ("70B gate_up", 57344, 8192), ("70B down", 8192, 28672))
TOKENS = (1, 16, 64, 128, 512, 2048, 8192)
DISTINCT = 512 << 20


def median(run, rounds=7):
    def once(n):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        for i in range(n):
            run(i)
        end.record()
        end.synchronize()
        return begin.elapsed_time(end) * 1e-3 / n
    once(3)
    n = max(1, int(0.02 / once(3)))
    return sorted(once(n) for _ in range(rounds))[rounds // 2]


def main():
    if not torch.cuda.is_available():
        print("peer_bnb_cuda.py: SKIPPED: torch sees no GPU")
        return 77
    print(f"bitsandbytes on {torch.cuda.get_device_name()}: codes, igemmlt, dequant: us, TOPS")
    for name, rows, cols in LAYERS:
        sets = -(-DISTINCT // (rows * cols))
        weights = [torch.randint(-127, 128, (rows, cols), dtype=torch.int8, device="cuda")
                   for _ in range(sets)]
        absmax = torch.rand(rows, device="cuda") + 0.5
        for tokens in TOKENS:
            x = torch.randn(tokens, cols, dtype=torch.float16, device="cuda").clamp(-5, 5)

            def run(i):
                codes, scale, _ = F.int8_vectorwise_quant(x, threshold=6.0)
                sums = F.int8_linear_matmul(codes, weights[i % sets])
                F.int8_mm_dequant(sums, scale, absmax)
            seconds = median(run)
            print(f"{name:12} {tokens:6} {seconds * 1e6:9.1f} "
                  f"{2 * tokens * rows * cols / seconds / 1e12:7.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
