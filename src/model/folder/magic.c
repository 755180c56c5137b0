/* magic.c - what the first bytes of a file, or else its name, say that it is */
#include "src/model/folder/magic.h"

#include "formats/safetensors.h"
#include "src/base/num.h"
#include "src/base/text.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    LFS,
    XET,
    ANNEX,
    GGUF,
    GGML,
    TORCH,
    OWN,
    ONNX,
    KERAS,
    FLAX,
    RUST,
    OPENVINO,
    TFLITE,
    NUMPY,
    ARROW,
    ARCHIVE,
    PAGE,
    JSON,
    SAFETENSORS,
    EMPTY,
    ZEROS
};

#define FLOATS "name the directory of the float model that it was made from"

/* What transformers has to write anew. */
#define SAVE "load it there and save it as safetensors (save_pretrained of transformers)"
#define AGAIN "download the file again (hf download)"

static const struct q8_magic kinds[] = {
    [LFS] = {Q8_MAGIC_POINTER, "a Git LFS pointer", "`git lfs pull` in its directory gets the file",
             NULL},
    [XET] = {Q8_MAGIC_POINTER, "a Xet pointer", AGAIN, NULL},
    [ANNEX] = {Q8_MAGIC_POINTER, "a git-annex pointer",
               "`git annex get` in its directory gets the file", NULL},
    [GGUF] = {Q8_MAGIC_WEIGHTS, "a GGUF file under another name",
              "give it (by a link) a name that ends in .gguf", ".gguf"},
    [GGML] = {Q8_MAGIC_OTHER, "an old GGML file of llama.cpp", FLOATS, NULL},
    [TORCH] = {Q8_MAGIC_WEIGHTS, "a checkpoint of PyTorch (pickle)",
               "give it (by a link) a name that ends in .bin", ".bin"},
    [OWN] = {Q8_MAGIC_OTHER, "a checkpoint in the layout of its maker's own code",
             "the script of transformers for its class converts it", NULL},
    [ONNX] = {Q8_MAGIC_OTHER, "an ONNX graph", FLOATS, NULL},
    [KERAS] = {Q8_MAGIC_OTHER, "an HDF5 file of Keras or TensorFlow", SAVE, NULL},
    [FLAX] = {Q8_MAGIC_OTHER, "a checkpoint of Flax (msgpack)", SAVE, NULL},
    [RUST] = {Q8_MAGIC_OTHER, "a checkpoint of rust-bert", FLOATS, NULL},
    [OPENVINO] = {Q8_MAGIC_OTHER, "a graph of OpenVINO", FLOATS, NULL},
    [TFLITE] = {Q8_MAGIC_OTHER, "a graph of TensorFlow Lite", FLOATS, NULL},
    [NUMPY] = {Q8_MAGIC_OTHER, "an array file of numpy", "save the weights as safetensors", NULL},
    [ARROW] = {Q8_MAGIC_OTHER, "a table (Parquet or Arrow)", "it is data, and no model", NULL},
    [ARCHIVE] = {Q8_MAGIC_OTHER, "an archive", "unpack it and name the directory in it", NULL},
    [PAGE] = {Q8_MAGIC_PAGE, "a page of a web site, saved in the place of a file",
              "did it ask to log in or to accept a licence? " AGAIN, NULL},
    [JSON] = {Q8_MAGIC_JSON, "JSON text", "is it what a server said? " AGAIN, NULL},
    [SAFETENSORS] = {Q8_MAGIC_WEIGHTS, "a safetensors file under another name",
                     "give it (by a link) a name that ends in .safetensors", ".safetensors"},
    [EMPTY] = {Q8_MAGIC_BROKEN, "empty", "was it downloaded whole? " AGAIN, NULL},
    [ZEROS] = {Q8_MAGIC_BROKEN, "all zeros at its start", "was it downloaded whole? " AGAIN, NULL},
};

/* Bytes that a kind begins with, or has at some place. */
static const struct {
    unsigned kind;
    size_t at, length;
    const char *bytes;
} starts[] = {
    {LFS, 0, 34, "version https://git-lfs.github.com"},
    {LFS, 0, 26, "version http://git-media.io"},
    {XET, 0, 13, "# xet version"},
    {ANNEX, 0, 15, "/annex/objects/"},
    {GGUF, 0, 4, "GGUF"},
    {GGML, 0, 4, "lmgg"},
    {GGML, 0, 4, "fmgg"},
    {GGML, 0, 4, "tjgg"},
    {GGML, 0, 4, "algg"},
    {TORCH, 0, 2, "\x80\2"}, /* pickles of protocol 2 to 5 */
    {TORCH, 0, 2, "\x80\3"},
    {TORCH, 0, 2, "\x80\4"},
    {TORCH, 0, 2, "\x80\5"},
    {KERAS, 0, 8, "\x89HDF\r\n\x1a\n"},
    {TFLITE, 4, 4, "TFL3"},
    {NUMPY, 0, 6, "\x93NUMPY"},
    {ARROW, 0, 4, "PAR1"},
    {ARROW, 0, 6, "ARROW1"},
    {ARCHIVE, 0, 3, "\x1f\x8b\x08"}, /* gzip */
    {ARCHIVE, 0, 6,
     "\xfd"
     "7zXZ\0"},                            /* xz */
    {ARCHIVE, 0, 4, "\x28\xb5\x2f\xfd"},   /* zstd */
    {ARCHIVE, 0, 3, "BZh"},                /* bzip2 */
    {ARCHIVE, 0, 6, "7z\xbc\xaf\x27\x1c"}, /* 7-Zip */
    {ARCHIVE, 0, 4, "Rar!"},
    {ARCHIVE, 257, 5, "ustar"}, /* tar */
    {ARCHIVE, 0, 4, "PK\5\6"},  /* an empty zip file */
};

/* Names, where no bytes tell. */
static const struct {
    unsigned kind;
    const char *pattern;
} names[] = {
    {OWN, "consolidated*.safetensors"},
    {GGUF, "*.gguf"},
    {GGML, "*.ggml"},
    {TORCH, "*.pt"},
    {TORCH, "*.pth"},
    {TORCH, "*.ckpt"},
    {TORCH, "*.bin"},
    {TORCH, "*.pkl"},
    {ONNX, "*.onnx"},
    {ONNX, "*.onnx_data*"},
    {KERAS, "*.h5"},
    {KERAS, "*.hdf5"},
    {KERAS, "*.keras"},
    {FLAX, "*.msgpack"},
    {RUST, "*.ot"},
    {TFLITE, "*.tflite"},
    {OPENVINO, "openvino*"},
    {NUMPY, "*.np[yz]"},
    {ARROW, "*.parquet"},
    {ARROW, "*.arrow"},
    {ARCHIVE, "*.zip"},
    {ARCHIVE, "*.tar"},
    {ARCHIVE, "*.tar.*"},
    {ARCHIVE, "*.tgz"},
    {ARCHIVE, "*.nemo"},
    {ARCHIVE, "*.7z"},
    {ARCHIVE, "*.rar"},
    {ARCHIVE, "*.gz"},
    {ARCHIVE, "*.zst"},
};

/* Whether the file is a text that begins so, be it in capitals. */
static bool begins(const unsigned char *bytes, size_t count, const char *word)
{
    const size_t length = strlen(word);

    return count >= length && strncasecmp((const char *)bytes, word, length) == 0;
}

/* A text: its first characters behind white space and the mark of UTF-8. */
static const struct q8_magic *text_tells(const unsigned char *bytes, size_t count)
{
    size_t at = count >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (at < count && bytes[at] && strchr(" \t\r\n", bytes[at]))
        at++;
    bytes += at;
    count -= at;
    if (begins(bytes, count, "<!doctype html") || begins(bytes, count, "<html") ||
        begins(bytes, count, "<head") || begins(bytes, count, "<?xml"))
        return &kinds[PAGE];
    return count > 0 && (*bytes == '{' || *bytes == '[') ? &kinds[JSON] : NULL;
}

/* A zip file: by the name of the first thing in it. */
static const struct q8_magic *zip_tells(const unsigned char *bytes, size_t count)
{
    char name[128] = "";

    if (count > 30)
        memcpy(name, bytes + 30,
               q8_min(q8_min(bytes[26] + 256u * bytes[27], count - 30), sizeof name - 1));
    if (q8_text_ends(name, ".npy"))
        return &kinds[NUMPY];
    /* what torch.save writes is below one folder, archive/ or the stem of the file */
    return !*name || strstr(name, ".pkl") || q8_text_ends(name, "/byteorder") ||
                   q8_text_ends(name, "/version") || q8_text_ends(name, "/.format_version") ||
                   strstr(name, "/data/")
               ? &kinds[TORCH]
               : &kinds[ARCHIVE];
}

const struct q8_magic *q8_magic_bytes(const unsigned char *bytes, size_t count)
{
    uint64_t header = 0;

    if (count == 0)
        return &kinds[EMPTY];
    for (size_t i = 0; i < COUNT(starts); i++)
        if (count >= starts[i].at + starts[i].length &&
            memcmp(bytes + starts[i].at, starts[i].bytes, starts[i].length) == 0)
            return &kinds[starts[i].kind];
    if (count >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
        return zip_tells(bytes, count);
    for (size_t i = 0; count > 8 && i < 8; i++)
        header |= (uint64_t)bytes[i] << 8 * i;
    if (header && header <= Q8_SAFETENSORS_HEADER_LIMIT && bytes[8] == '{')
        return &kinds[SAFETENSORS];
    for (size_t i = 0; i < count; i++)
        if (bytes[i])
            return text_tells(bytes, count);
    return &kinds[ZEROS];
}

const struct q8_magic *q8_magic_file(const struct q8_file *file, struct q8_err *err)
{
    unsigned char bytes[Q8_MAGIC_BYTES];
    const size_t count = q8_min(file->size, sizeof bytes);

    return q8_file_read(file, 0, bytes, count, err) ? q8_magic_bytes(bytes, count) : NULL;
}

const struct q8_magic *q8_magic_name(const char *leaf)
{
    for (size_t i = 0; i < COUNT(names); i++)
        if (fnmatch(names[i].pattern, leaf, FNM_CASEFOLD) == 0)
            return &kinds[names[i].kind];
    return NULL;
}

bool q8_magic_fail(const struct q8_magic *magic, const char *path, struct q8_err *err)
{
    char shown[600];

    return q8_fail(err, magic->sort == Q8_MAGIC_BROKEN ? Q8_EINPUT : Q8_EUNSUPPORTED,
                   "%s is %s: %s", q8_text_escape(path, shown, sizeof shown), magic->what,
                   magic->todo);
}
