/* test_section.c - towers, projectors and draft layers are told by the path of a module */
#include "src/model/section.h"

#include "src/base/json.h"
#include "tests/unit/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The sections of a model that has no weights but this config.json; free *root. */
static struct q8_sections sections_of(const char *config, struct cJSON **root)
{
    struct q8_sections ret;
    struct q8_err err = {0};
    struct q8_model model = {.config_root = q8_json_parse(config, strlen(config), &err)};

    assert_int_equal(err.code, 0);
    q8_sections_init(&ret, &model);
    *root = model.config_root;
    return ret;
}

static const char llava[] =
    "{\"architectures\": [\"LlavaForConditionalGeneration\"], \"model_type\": \"llava\","
    " \"vision_config\": {\"num_hidden_layers\": 24},"
    " \"text_config\": {\"model_type\": \"llama\", \"num_hidden_layers\": 2, \"vocab_size\": 96}}";

static const char clip[] = "{\"architectures\": [\"CLIPModel\"], \"vision_config\": {\"a\": 1},"
                           " \"text_config\": {\"num_hidden_layers\": 2}}";

static const char deepseek[] =
    "{\"architectures\": [\"DeepseekV3ForCausalLM\"], \"num_hidden_layers\": 61,"
    " \"num_nextn_predict_layers\": 1, \"vocab_size\": 129280}";

static const char omni[] =
    "{\"architectures\": [\"Qwen3OmniMoeForConditionalGeneration\"], \"thinker_config\":"
    " {\"audio_config\": {\"d\": 1}, \"text_config\": {\"model_type\": \"qwen3_omni_moe_text\","
    " \"num_hidden_layers\": 3}}}";

static void module_has_the_section_of_its_path(void **state)
{
    static const struct {
        const char *config, *module;
        enum q8_section section;
    } cases[] = {
        {llava, "model.vision_tower.encoder.layers.23.mlp.fc1", Q8_SECTION_TOWER},
        {llava, "vision_tower.vision_model.encoder.layers.5.self_attn.q_proj", Q8_SECTION_TOWER},
        {llava, "model.multi_modal_projector.linear_1", Q8_SECTION_PROJECTOR},
        {llava, "model.language_model.layers.0.mlp.up_proj", Q8_SECTION_MAIN},
        {llava, "language_model.model.layers.1.mlp.up_proj", Q8_SECTION_MAIN},
        {llava, "language_model.model.layers.2.mlp.up_proj", Q8_SECTION_DRAFT},
        {llava, "model.layers.0.mlp.vision_mlp.up_proj", Q8_SECTION_MAIN}, /* an expert */
        {llava, "lm_head", Q8_SECTION_MAIN},
        {llava, "visual.blocks.0.attn.qkv", Q8_SECTION_TOWER},
        {llava, "visual.merger.mlp.0", Q8_SECTION_TOWER},
        {llava, "mlp1.1", Q8_SECTION_PROJECTOR},
        {llava, "mlp12.1", Q8_SECTION_MAIN},
        {clip, "vision_model.encoder.layers.0.mlp.fc1", Q8_SECTION_MAIN}, /* no head */
        {deepseek, "model.layers.60.mlp.experts.255.up_proj", Q8_SECTION_MAIN},
        {deepseek, "model.layers.61.mlp.experts.255.up_proj", Q8_SECTION_DRAFT},
        {deepseek, "model.layers.61.eh_proj", Q8_SECTION_DRAFT},
        {deepseek, "model.layers.18446744073709551616.eh", Q8_SECTION_MAIN},
        {deepseek, "model.mtp.layers.0.up_proj", Q8_SECTION_DRAFT},
        {deepseek, "mtp.fc", Q8_SECTION_DRAFT},
        {deepseek, "", Q8_SECTION_MAIN},
        {deepseek, ".", Q8_SECTION_MAIN},
        {"{}", "model.layers.999.mlp.up_proj", Q8_SECTION_MAIN}, /* not told how many */
        {omni, "thinker.audio_tower.layers.0.fc1", Q8_SECTION_TOWER},
        {omni, "thinker.model.layers.0.mlp.up_proj", Q8_SECTION_MAIN},
        {omni, "thinker.model.layers.3.mlp.up_proj", Q8_SECTION_DRAFT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cJSON *root;
        const struct q8_sections s = sections_of(cases[i].config, &root);

        if (q8_sections_find(&s, cases[i].module) != cases[i].section)
            fail_msg("%s", cases[i].module);
        q8_json_free(root);
    }
}

static void numbers_are_of_the_language_model(void **state)
{
    struct cJSON *root;
    struct q8_sections s = sections_of(llava, &root);

    (void)state;
    assert_string_equal(s.text_type, "llama");
    assert_int_equal(s.layers, 2);
    assert_int_equal(s.vocabulary, 96);
    assert_int_equal(s.drafts, 0);
    q8_json_free(root);
    s = sections_of(deepseek, &root);
    assert_null(s.text_type);
    assert_int_equal(s.drafts, 1);
    assert_int_equal(s.layers, 61);
    q8_json_free(root);
    s = sections_of("[]", &root);
    assert_false(s.composite);
    q8_json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_has_the_section_of_its_path),
        cmocka_unit_test(numbers_are_of_the_language_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
