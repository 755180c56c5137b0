/*
 * pytorch_names.c - the names that a pickle of torch.save may have
 *
 * Source: torch 2.15, torch/_weights_only_unpickler.py, _get_allowed_globals; torch/_utils.py.
 */
#include "formats/pytorch.h"

#define CONSTANT(module, name, what, detail)                                                       \
    {                                                                                              \
        module, name, Q8_PICKLE_CONSTANT, what, detail, NULL                                       \
    }
#define FUNCTION(module, name, what, detail)                                                       \
    {                                                                                              \
        module, name, Q8_PICKLE_FUNCTION, what, detail, NULL                                       \
    }
#define IGNORED(module, name)                                                                      \
    {                                                                                              \
        module, name, Q8_PICKLE_MAKES_OTHER, Q8_TORCH_IGNORED, 0, NULL                             \
    }
#define STORAGE(name, dtype) CONSTANT("torch", name "Storage", Q8_TORCH_STORAGE, dtype)
#define DTYPE(name, dtype) CONSTANT("torch", name, Q8_TORCH_DTYPE, dtype)
#define REFUSED(module, name, why)                                                                 \
    {                                                                                              \
        module, name, Q8_PICKLE_CONSTANT, Q8_TORCH_IGNORED, 0, why                                 \
    }

static const char sparse[] = "a sparse tensor: save its to_dense()",
                  quantized[] = "a tensor of torch's own quantization: save its dequantize()",
                  complex_double[] = "complex numbers of 16 bytes, which safetensors do not have",
                  meta[] = "a tensor without data, of the meta device",
                  subclass[] = "a tensor of a class of its own: save it as a plain one",
                  packed[] = "a type whose elements share bytes: save it as another",
                  object[] = "an object of Python and no tensor: save the state_dict() alone";

const struct q8_pickle_global q8_torch_names[] = {
    FUNCTION("torch._utils", "_rebuild_tensor_v2", Q8_TORCH_REBUILD, 2),
    {"collections", "OrderedDict", Q8_PICKLE_MAKES_DICT, Q8_TORCH_IGNORED, 0, NULL},
    FUNCTION("torch._utils", "_rebuild_tensor_v3", Q8_TORCH_REBUILD, 3),
    FUNCTION("torch._utils", "_rebuild_tensor", Q8_TORCH_REBUILD, 1),
    FUNCTION("torch._utils", "_rebuild_parameter", Q8_TORCH_PARAMETER, 0),
    FUNCTION("torch._utils", "_rebuild_parameter_with_state", Q8_TORCH_PARAMETER, 0),
    FUNCTION("torch._tensor", "_rebuild_from_type_v2", Q8_TORCH_FROM_TYPE, 0),
    FUNCTION("torch.nn.parameter", "Parameter", Q8_TORCH_PARAMETER, 0),
    CONSTANT("torch", "Tensor", Q8_TORCH_CLASS, 0),
    CONSTANT("torch.nn.parameter", "Buffer", Q8_TORCH_CLASS, 0),
    STORAGE("Float", Q8_F32),
    STORAGE("BFloat16", Q8_BF16),
    STORAGE("Half", Q8_F16),
    STORAGE("Double", Q8_F64),
    STORAGE("Long", Q8_I64),
    STORAGE("Int", Q8_I32),
    STORAGE("Short", Q8_I16),
    STORAGE("Char", Q8_I8),
    STORAGE("Byte", Q8_U8),
    STORAGE("Bool", Q8_BOOL),
    STORAGE("ComplexFloat", Q8_C64),
    CONSTANT("torch.storage", "UntypedStorage", Q8_TORCH_STORAGE, Q8_U8),
    CONSTANT("torch.storage", "_UntypedStorage", Q8_TORCH_STORAGE, Q8_U8), /* torch 1.11 */
    CONSTANT("torch", "UntypedStorage", Q8_TORCH_STORAGE, Q8_U8),
    DTYPE("float32", Q8_F32),
    DTYPE("float16", Q8_F16),
    DTYPE("bfloat16", Q8_BF16),
    DTYPE("float64", Q8_F64),
    DTYPE("float8_e4m3fn", Q8_F8_E4M3),
    DTYPE("float8_e5m2", Q8_F8_E5M2),
    DTYPE("float8_e8m0fnu", Q8_F8_E8M0),
    DTYPE("float8_e4m3fnuz", Q8_F8_E4M3FNUZ),
    DTYPE("float8_e5m2fnuz", Q8_F8_E5M2FNUZ),
    DTYPE("int64", Q8_I64),
    DTYPE("int32", Q8_I32),
    DTYPE("int16", Q8_I16),
    DTYPE("int8", Q8_I8),
    DTYPE("uint64", Q8_U64),
    DTYPE("uint32", Q8_U32),
    DTYPE("uint16", Q8_U16),
    DTYPE("uint8", Q8_U8),
    DTYPE("bool", Q8_BOOL),
    DTYPE("complex64", Q8_C64),
    IGNORED("collections", "Counter"),
    IGNORED("torch", "Size"),
    IGNORED("torch", "device"),
    IGNORED("_codecs", "encode"),
    IGNORED("builtins", "set"),
    IGNORED("__builtin__", "set"), /* Python 2's name, which protocol 2 writes */
    IGNORED("builtins", "bytearray"),
    IGNORED("__builtin__", "bytearray"),
    IGNORED("builtins", "complex"),
    IGNORED("__builtin__", "complex"),
    REFUSED("torch", "ComplexDoubleStorage", complex_double),
    REFUSED("torch", "complex128", complex_double),
    REFUSED("torch", "float4_e2m1fn_x2", packed),
    REFUSED("torch", "QInt8Storage", quantized),
    REFUSED("torch", "QUInt8Storage", quantized),
    REFUSED("torch", "QInt32Storage", quantized),
    REFUSED("torch", "QUInt4x2Storage", quantized),
    REFUSED("torch", "QUInt2x4Storage", quantized),
    REFUSED("torch._utils", "_rebuild_qtensor", quantized),
    REFUSED("torch._utils", "_rebuild_sparse_tensor", sparse),
    REFUSED("torch._utils", "_rebuild_sparse_csr_tensor", sparse),
    REFUSED("torch._utils", "_rebuild_nested_tensor", subclass),
    REFUSED("torch._utils", "_rebuild_meta_tensor_no_storage", meta),
    REFUSED("torch._utils", "_rebuild_wrapper_subclass", subclass),
    REFUSED("argparse", "Namespace", object),
    REFUSED("transformers.training_args", "TrainingArguments",
            "the arguments of a training run and no model: name the file of the weights"),
};

const uint64_t q8_torch_name_count = sizeof q8_torch_names / sizeof *q8_torch_names;
