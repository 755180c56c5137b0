"""judge_bnb.py FOLDER - what `checkcuda --dump FOLDER` wrote against bitsandbytes on the same GPU

The GPU kernels of bitsandbytes multiply by an inverse that is approximate (__fdividef), so codes
may differ by one where they are within 2^-15 of a tie; each moves a product by one step of its row.
Products: two fp32 scalings with at most 4 roundings each, one rounding to fp16, and the outlier
columns, which are summed in another order (see tests/oracle/judge_products.py).
"""
import os
import sys
from pathlib import Path

import bitsandbytes
import bitsandbytes.functional as F
import numpy as np
import torch
from bitsandbytes.autograd._functions import MatmulLtState

TOKENS, COLS, ROWS, THRESHOLD = 128, 1024, 512, 6.0
DEVICE = os.environ.get("Q8_GPU", "cuda")        # cpu: to try this script


def main(folder):
    def read(name, dtype, *shape):
        return np.fromfile(folder / name, dtype).reshape(shape)
    x = torch.from_numpy(read("x", np.float32, TOKENS, COLS)).half().to(DEVICE)
    codes = torch.from_numpy(read("codes", np.int8, ROWS, COLS)).to(DEVICE)
    scale = torch.from_numpy(read("scale", np.float32, ROWS)).to(DEVICE)
    reference = torch.from_numpy(read("reference", np.float32, ROWS, COLS)).half().to(DEVICE)
    have, have_reference = read("y_int8", np.float32, TOKENS, ROWS), read("y_reference", np.float32,
                                                                          TOKENS, ROWS)
    state = MatmulLtState()
    state.is_training, state.has_fp16_weights, state.CB, state.SCB = False, False, codes, scale
    want = bitsandbytes.matmul(x.clone(), codes, state=state, threshold=THRESHOLD)
    want = want.double().cpu().numpy()
    _, absmax, columns = F.int8_vectorwise_quant(x, threshold=THRESHOLD)
    columns = sorted(set(columns.tolist())) if columns is not None else []

    w = codes.double().cpu().numpy() * scale.double().cpu().numpy()[:, None] / 127
    magnitude = np.abs(x.double().cpu().numpy()) @ np.abs(w).T
    step = absmax.double().cpu().numpy()[:, None] / 127 * scale.double().cpu().numpy()
    bound = 3 * 2.0**-11 * np.abs(want) + 2 * (len(columns) + 10) * 2.0**-23 * magnitude + 2 * step
    wrong = int(np.count_nonzero(~(np.abs(want - have) <= bound)))
    print(f"{torch.cuda.get_device_name() if DEVICE == 'cuda' else DEVICE}, bitsandbytes {bitsandbytes.__version__}: {len(columns)} "
          f"outlier columns, {wrong} of {want.size} products beyond their bound, "
          f"{int(np.count_nonzero(want != have))} not the same")

    exact = x.double() @ reference.double().T
    gap = (exact.cpu().numpy() - have_reference)
    limit = (COLS + 1) * 2.0**-23 * (x.double().abs() @ reference.double().abs().T).cpu().numpy()
    far = int(np.count_nonzero(~(np.abs(gap) <= limit)))
    print(f"reference: {far} of {gap.size} beyond their bound")
    return bool(wrong or far)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
