/*
 * check_bnb.c - bitsandbytes in vLLM 0.33.0, which has no such method any more, and SGLang 0.5.23
 *
 * Sources: vllm/config/model.py, _verify_quantization; sglang/srt/model_loader/loader.py,
 * BitsAndBytesModelLoader.
 */
#include "src/verify/runtime/runtime_parts.h"

#include "src/model/folder/folder.h"

bool q8_runtime_bnb(struct q8_runtime_run *r, struct q8_err *err)
{
    if (r->reader == Q8_READER_VLLM)
        return q8_runtime_say(r, "runtime-method", Q8_CONFIG, err,
                              "it stops with \"Unknown quantization method: bitsandbytes.\"; only "
                              "a plug-in could add it");
    if (r->v->options.tp > 1)
        return q8_runtime_say(r, "runtime-method", Q8_CONFIG, err,
                              "it stops with \"Prequant BitsAndBytes models with TP is not "
                              "supported.Please try with PP.\"");
    return q8_runtime_doubt(r, "runtime-method", Q8_CONFIG, err,
                            "it has a loader for some classes, which q8 does not judge");
}
