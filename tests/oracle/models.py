"""models.py - small random models of many architectures, made with transformers itself

Each row: name, configuration class, model class, dtype, extra configuration, options.  Options:
shard: the files are cut small; brief: fewer targets.  The weights are wider than an initialisation's, some rows are zero.
"""
from pathlib import Path

import torch
import transformers

VOCAB, HIDDEN = 128, 64
BF16, F16, F32 = torch.bfloat16, torch.float16, torch.float32

# The words that most decoders share.
BASE = dict(vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=96, max_position_embeddings=64, pad_token_id=0, bos_token_id=1,
            eos_token_id=2)
GROUPED = dict(BASE, num_key_value_heads=2)
HEAD16 = dict(GROUPED, head_dim=16)
EXPERTS = dict(GROUPED, moe_intermediate_size=32, num_experts=4, num_experts_per_tok=2)
TIED, UNTIED = dict(tie_word_embeddings=True), dict(tie_word_embeddings=False)
GPT2 = dict(vocab_size=VOCAB, n_embd=HIDDEN, n_layer=2, n_head=4, n_positions=64,
            bos_token_id=1, eos_token_id=2)
SEQ2SEQ = dict(vocab_size=VOCAB, d_model=HIDDEN, encoder_layers=2, decoder_layers=2,
               encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=96,
               decoder_ffn_dim=96, pad_token_id=0, bos_token_id=1, eos_token_id=2,
               decoder_start_token_id=2)
T5 = dict(vocab_size=VOCAB, d_model=HIDDEN, d_kv=16, d_ff=96, num_layers=2, num_heads=4,
          decoder_start_token_id=0, feed_forward_proj="gated-gelu")
DEEPSEEK = dict(GROUPED, num_key_value_heads=4, moe_intermediate_size=32, n_routed_experts=4,
                num_experts_per_tok=2, n_group=1, topk_group=1, first_k_dense_replace=1,
                q_lora_rank=32, kv_lora_rank=32, qk_rope_head_dim=8, qk_nope_head_dim=8,
                v_head_dim=16)
MAMBA = dict(vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=2)
VISION = dict(hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=4,
              intermediate_size=96, image_size=32, patch_size=8)
LLAVA = dict(vision_config=dict(VISION, model_type="clip_vision_model", projection_dim=HIDDEN),
             text_config=dict(GROUPED, model_type="llama"), image_token_id=100)
QWEN_VL = dict(vision_config=dict(depth=2, embed_dim=HIDDEN, hidden_size=HIDDEN, num_heads=4,
                                  mlp_ratio=2),
               text_config=dict(GROUPED, rope_parameters=dict(
                   rope_type="default", rope_theta=1e4, mrope_section=[2, 3, 3])))

MODELS = [
    ("llama", "LlamaConfig", "LlamaForCausalLM", BF16, {**GROUPED, **UNTIED}, {"shard"}),
    ("llama-tied", "LlamaConfig", "LlamaForCausalLM", F16, {**GROUPED, **TIED}, set()),
    ("llama-bias", "LlamaConfig", "LlamaForCausalLM", F32,
     {**GROUPED, **UNTIED, "attention_bias": True, "mlp_bias": True}, set()),
    ("llama-wide", "LlamaConfig", "LlamaForCausalLM", BF16,
     {**GROUPED, **UNTIED, "hidden_size": 128, "intermediate_size": 256}, set()),
    ("llama-odd", "LlamaConfig", "LlamaForCausalLM", F16,
     {**GROUPED, **UNTIED, "intermediate_size": 97}, set()),
    ("mistral", "MistralConfig", "MistralForCausalLM", F16, GROUPED, {"shard"}),
    ("qwen2", "Qwen2Config", "Qwen2ForCausalLM", BF16, {**GROUPED, **TIED}, set()),
    ("qwen3", "Qwen3Config", "Qwen3ForCausalLM", F32, {**HEAD16, **TIED}, {"shard"}),
    ("gemma2", "Gemma2Config", "Gemma2ForCausalLM", F16, HEAD16, set()),
    ("gemma3_text", "Gemma3TextConfig", "Gemma3ForCausalLM", BF16, HEAD16, set()),
    ("phi", "PhiConfig", "PhiForCausalLM", F32, BASE, set()),
    ("phi3", "Phi3Config", "Phi3ForCausalLM", F16, GROUPED, set()),
    ("gpt2", "GPT2Config", "GPT2LMHeadModel", F32, GPT2, {"shard"}),
    ("gpt2-fp16", "GPT2Config", "GPT2LMHeadModel", F16, {**GPT2, **UNTIED}, set()),
    ("gpt_neo", "GPTNeoConfig", "GPTNeoForCausalLM", F32,
     dict(vocab_size=VOCAB, hidden_size=HIDDEN, num_layers=2, num_heads=4, intermediate_size=96,
          attention_types=[[["global", "local"], 1]], max_position_embeddings=64), set()),
    ("gpt_neox", "GPTNeoXConfig", "GPTNeoXForCausalLM", F16, BASE, {"shard"}),
    ("codegen", "CodeGenConfig", "CodeGenForCausalLM", F32, {**GPT2, "rotary_dim": 8}, set()),
    ("opt", "OPTConfig", "OPTForCausalLM", F16,
     {**BASE, "ffn_dim": 96, "word_embed_proj_dim": HIDDEN}, set()),
    ("bloom", "BloomConfig", "BloomForCausalLM", F32,
     dict(vocab_size=VOCAB, hidden_size=HIDDEN, n_layer=2, n_head=4), set()),
    ("falcon", "FalconConfig", "FalconForCausalLM", BF16, BASE, set()),
    ("stablelm", "StableLmConfig", "StableLmForCausalLM", BF16, GROUPED, set()),
    ("starcoder2", "Starcoder2Config", "Starcoder2ForCausalLM", BF16, GROUPED, {"shard"}),
    ("olmo2", "Olmo2Config", "Olmo2ForCausalLM", F32, GROUPED, set()),
    ("granite", "GraniteConfig", "GraniteForCausalLM", BF16, GROUPED, set()),
    ("cohere", "CohereConfig", "CohereForCausalLM", F16, GROUPED, set()),
    ("glm4", "Glm4Config", "Glm4ForCausalLM", BF16, HEAD16, set()),
    ("mixtral", "MixtralConfig", "MixtralForCausalLM", BF16,
     {**GROUPED, "num_local_experts": 4}, {"shard"}),
    ("qwen2_moe", "Qwen2MoeConfig", "Qwen2MoeForCausalLM", F32,
     {**EXPERTS, "shared_expert_intermediate_size": 64}, set()),
    ("qwen3_moe", "Qwen3MoeConfig", "Qwen3MoeForCausalLM", BF16, {**EXPERTS, "head_dim": 16},
     {"shard"}),
    ("deepseek_v3", "DeepseekV3Config", "DeepseekV3ForCausalLM", BF16, DEEPSEEK, set()),
    ("bert", "BertConfig", "BertForMaskedLM", F32, BASE, set()),
    ("roberta", "RobertaConfig", "RobertaForMaskedLM", F32, BASE, set()),
    ("distilbert", "DistilBertConfig", "DistilBertForSequenceClassification", F32,
     dict(vocab_size=VOCAB, dim=HIDDEN, n_layers=2, n_heads=4, hidden_dim=96,
          max_position_embeddings=64), set()),
    ("t5", "T5Config", "T5ForConditionalGeneration", F32, {**T5, **UNTIED}, set()),
    ("t5-bf16", "T5Config", "T5ForConditionalGeneration", BF16, {**T5, **TIED}, {"shard"}),
    ("bart", "BartConfig", "BartForConditionalGeneration", F32,
     {**SEQ2SEQ, "max_position_embeddings": 64, "forced_eos_token_id": 2}, set()),
    ("whisper", "WhisperConfig", "WhisperForConditionalGeneration", F16,
     {**SEQ2SEQ, "num_mel_bins": 16, "max_source_positions": 32, "max_target_positions": 32,
      "suppress_tokens": None, "begin_suppress_tokens": None}, set()),
    ("vit", "ViTConfig", "ViTForImageClassification", F32, {**VISION, "num_labels": 10}, set()),
    ("llava", "LlavaConfig", "LlavaForConditionalGeneration", BF16, LLAVA, {"shard"}),
    ("qwen2_vl", "Qwen2VLConfig", "Qwen2VLForConditionalGeneration", BF16, QWEN_VL, set()),
]

# More classes, one of each kind that went wrong once or is common; judged with fewer targets.
MODELS += [(*row, {"brief"}) for row in [
    ("modernbert", "ModernBertConfig", "ModernBertForMaskedLM", BF16,
     {**BASE, "cls_token_id": 1, "sep_token_id": 2}),
    ("dinov2", "Dinov2Config", "Dinov2Model", F32,
     dict(hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=4, mlp_ratio=2, image_size=32,
     patch_size=8)),
    ("siglip_vision", "SiglipVisionConfig", "SiglipVisionModel", BF16, {**VISION, "vision_use_head": False}),
    ("mamba", "MambaConfig", "MambaForCausalLM", F32, MAMBA),
    ("falcon_mamba", "FalconMambaConfig", "FalconMambaForCausalLM", F32, MAMBA),
    ("mamba2", "Mamba2Config", "Mamba2ForCausalLM", F32,
     dict(MAMBA, num_heads=8, head_dim=16, state_size=16, n_groups=1, chunk_size=8, pad_token_id=0,
     bos_token_id=1, eos_token_id=2)),
    ("gpt_bigcode", "GPTBigCodeConfig", "GPTBigCodeForCausalLM", F32, GPT2),
    ("gemma3", "Gemma3Config", "Gemma3ForConditionalGeneration", BF16,
     dict(text_config=HEAD16, vision_config=VISION, mm_tokens_per_image=4, image_token_index=100,
     boi_token_index=101, eoi_token_index=102)),
    ("paligemma", "PaliGemmaConfig", "PaliGemmaForConditionalGeneration", BF16,
     dict(text_config=dict(HEAD16, model_type="gemma"), vision_config=dict(VISION, projection_dim=64,
     vision_use_head=False, model_type="siglip_vision_model"), image_token_index=100,
     projection_dim=64)),
    ("mistral3", "Mistral3Config", "Mistral3ForConditionalGeneration", BF16,
     dict(text_config=dict(HEAD16, model_type="mistral", tie_word_embeddings=False),
     vision_config=dict(VISION, model_type="pixtral"), image_token_index=100)),
    ("gemma", "GemmaConfig", "GemmaForCausalLM", BF16, HEAD16),
    ("cohere2", "Cohere2Config", "Cohere2ForCausalLM", BF16, HEAD16),
    ("smollm3", "SmolLM3Config", "SmolLM3ForCausalLM", BF16, GROUPED),
    ("olmo", "OlmoConfig", "OlmoForCausalLM", F32, GROUPED),
    ("olmo3", "Olmo3Config", "Olmo3ForCausalLM", BF16, GROUPED),
    ("exaone4", "Exaone4Config", "Exaone4ForCausalLM", BF16, GROUPED),
    ("ernie4_5", "Ernie4_5Config", "Ernie4_5ForCausalLM", BF16, HEAD16),
    ("helium", "HeliumConfig", "HeliumForCausalLM", BF16, HEAD16),
    ("nemotron", "NemotronConfig", "NemotronForCausalLM", BF16, GROUPED),
    ("persimmon", "PersimmonConfig", "PersimmonForCausalLM", F32, BASE),
    ("mpt", "MptConfig", "MptForCausalLM", F32,
     dict(vocab_size=VOCAB, d_model=HIDDEN, n_layers=2, n_heads=4, max_seq_len=64, expansion_ratio=2)),
    ("gptj", "GPTJConfig", "GPTJForCausalLM", F16, {**GPT2, "rotary_dim": 8}),
    ("biogpt", "BioGptConfig", "BioGptForCausalLM", F32, BASE),
    ("xglm", "XGLMConfig", "XGLMForCausalLM", F32,
     dict(vocab_size=VOCAB, d_model=HIDDEN, ffn_dim=96, num_layers=2, attention_heads=4,
     max_position_embeddings=64)),
    ("electra", "ElectraConfig", "ElectraForMaskedLM", F32, {**BASE, "embedding_size": 32}),
    ("deberta_v2", "DebertaV2Config", "DebertaV2ForMaskedLM", F32, BASE),
    ("albert", "AlbertConfig", "AlbertForMaskedLM", F32, {**BASE, "embedding_size": 32}),
    ("mbart", "MBartConfig", "MBartForConditionalGeneration", F32,
     {**SEQ2SEQ, "max_position_embeddings": 64}),
    ("pegasus", "PegasusConfig", "PegasusForConditionalGeneration", F32,
     {**SEQ2SEQ, "max_position_embeddings": 64}),
    ("blenderbot", "BlenderbotConfig", "BlenderbotForConditionalGeneration", F32,
     {**SEQ2SEQ, "max_position_embeddings": 64}),
    ("marian", "MarianConfig", "MarianMTModel", F32, {**SEQ2SEQ, "max_position_embeddings": 64}),
    ("clip", "CLIPConfig", "CLIPModel", F32,
     dict(text_config={**BASE}, vision_config=VISION, projection_dim=32)),
    ("beit", "BeitConfig", "BeitForImageClassification", F32, VISION),
    ("deit", "DeiTConfig", "DeiTForImageClassification", F32, VISION),
    ("wav2vec2", "Wav2Vec2Config", "Wav2Vec2ForCTC", F32,
     dict(vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=4,
     intermediate_size=96, conv_dim=[32, 32], conv_stride=[5, 2], conv_kernel=[10, 3],
     num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2)),
    ("hubert", "HubertConfig", "HubertForCTC", F32,
     dict(vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=4,
     intermediate_size=96, conv_dim=[32, 32], conv_stride=[5, 2], conv_kernel=[10, 3],
     num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2)),
    ("olmoe", "OlmoeConfig", "OlmoeForCausalLM", BF16,
     {**GROUPED, "num_experts": 4, "num_experts_per_tok": 2}),
    ("phimoe", "PhimoeConfig", "PhimoeForCausalLM", BF16, {**GROUPED, "num_local_experts": 4}),
    ("granitemoe", "GraniteMoeConfig", "GraniteMoeForCausalLM", BF16,
     {**GROUPED, "num_local_experts": 4, "num_experts_per_tok": 2}),
    ("deepseek_v2", "DeepseekV2Config", "DeepseekV2ForCausalLM", BF16, DEEPSEEK),
    ("glm4_moe", "Glm4MoeConfig", "Glm4MoeForCausalLM", BF16, {**DEEPSEEK, "head_dim": 16}),
    ("jamba", "JambaConfig", "JambaForCausalLM", F32,
     {**GROUPED, "num_experts": 2, "num_experts_per_tok": 1, "use_mamba_kernels": False,
     "attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1,
     "mamba_d_state": 8, "mamba_d_conv": 4, "mamba_expand": 2}),
    ("qwen3_next", "Qwen3NextConfig", "Qwen3NextForCausalLM", BF16,
     dict(EXPERTS, head_dim=16, shared_expert_intermediate_size=32, linear_num_value_heads=4,
     linear_num_key_heads=2, linear_key_head_dim=16, linear_value_head_dim=16,
     layer_types=["linear_attention", "full_attention"], tie_word_embeddings=False)),
    ("gpt_oss", "GptOssConfig", "GptOssForCausalLM", BF16, {**HEAD16, "num_local_experts": 4}),
    ("qwen2_5_vl", "Qwen2_5_VLConfig", "Qwen2_5_VLForConditionalGeneration", BF16,
     dict(vision_config=dict(depth=2, hidden_size=HIDDEN, num_heads=4, intermediate_size=96,
     out_hidden_size=HIDDEN, fullatt_block_indexes=[1]), text_config=dict(GROUPED,
     rope_parameters=dict(rope_type="default", rope_theta=1e4, mrope_section=[2, 3, 3])))),
    ("internvl", "InternVLConfig", "InternVLForConditionalGeneration", BF16,
     dict(vision_config=dict(VISION, image_size=[32, 32], patch_size=[8, 8]), text_config=dict(GROUPED,
     model_type="qwen2"), image_token_id=100)),
    ("imagegpt", "ImageGPTConfig", "ImageGPTForCausalImageModeling", F32,
     dict(vocab_size=VOCAB, n_positions=64, n_embd=HIDDEN, n_layer=2, n_head=4)),
    ("vit_mae", "ViTMAEConfig", "ViTMAEModel", F32, dict(VISION, mask_ratio=0.0)),
    ("nomic_bert", "NomicBertConfig", "NomicBertForMaskedLM", F32, BASE),
    ("rwkv", "RwkvConfig", "RwkvForCausalLM", F32,
     dict(vocab_size=VOCAB, hidden_size=HIDDEN, num_hidden_layers=2, context_length=64)),
    ("lfm2", "Lfm2Config", "Lfm2ForCausalLM", BF16, {**GROUPED, "layer_types": ["conv", "full_attention"]}),
    ("seed_oss", "SeedOssConfig", "SeedOssForCausalLM", BF16, HEAD16),
    ("hunyuan", "HunYuanDenseV1Config", "HunYuanDenseV1ForCausalLM", BF16, HEAD16),
    ("bamba", "BambaConfig", "BambaForCausalLM", F32,
     {**GROUPED, "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_d_state": 16, "mamba_chunk_size": 8,
     "attn_layer_indices": [1]}),
]]


def spread(model, seed):
    """Gives every weight a trained look: wider than at birth, rows of zeros, biases that count."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            if p.dim() < 2:
                p.copy_(p.float() + 0.1 * noise)
                continue
            p.copy_(noise * 0.15)
            if "embed" not in name and p.dim() == 2 and p.shape[0] > 8:
                p[3].zero_()
                p[5] *= 8


def make(row, folder):
    """Writes one model directory."""
    name, config_class, model_class, dtype, words, options = row
    torch.manual_seed(1)
    config = getattr(transformers, config_class)(**words)
    model = getattr(transformers, model_class)(config)
    spread(model, seed=len(name) * 1000 + sum(map(ord, name)))
    for p in model.parameters():                        # buffers keep fp32, as in real checkpoints
        p.data = p.data.to(dtype)
    model.save_pretrained(folder, max_shard_size="100KB" if "shard" in options else "5GB")
    notes = Path(folder, "assets", "notes.txt")         # what lies beside the weights comes along
    notes.parent.mkdir()
    notes.write_text(f"{name}\n")
    Path(folder, "README.md").write_text(f"# {name}\n")


def load(folder, row, **words):
    """Loads a directory with the class that made it; returns (model, loading info)."""
    model, info = getattr(transformers, row[2]).from_pretrained(
        folder, output_loading_info=True, **words)
    return model.eval(), info


def file_names(model, tensors, kinds):
    """{module name in memory: module name in the file} of the modules of those classes.

    They differ where transformers renames on loading (vit, llava), so the values decide: all
    weights are random.  `tensors` is {file name: torch tensor}.  Modules not in the file (tied
    heads) are left out.
    """
    def key(weight):
        return tuple(weight.shape), weight.float().numpy().tobytes()

    names = {key(t): n.removesuffix(".weight") for n, t in tensors.items() if n.endswith(".weight")}
    found = {n: names.get(key(m.weight.data)) for n, m in model.named_modules()
             if isinstance(m, kinds)}
    return {n: file for n, file in found.items() if file}


def inputs(model):
    """What the forward of the model takes: the same for the same class."""
    kind, name = model.config.model_type, model.main_input_name
    floats = next(p.dtype for p in model.parameters() if p.dtype.is_floating_point)
    generator = torch.Generator().manual_seed(7)
    tokens = torch.randint(3, 96, (2, 12), generator=generator)     # no special token
    images = torch.randn(2, 3, 32, 32, generator=generator).to(floats)
    if kind == "clip":
        return dict(input_ids=tokens, pixel_values=images)
    if kind == "whisper":
        return dict(input_features=torch.randn(2, 16, 64, generator=generator).to(floats),
                    decoder_input_ids=tokens)
    if name == "pixel_values":
        return dict(pixel_values=images)
    if name == "input_values":
        return dict(input_values=torch.randn(2, 800, generator=generator).to(floats))
    if model.config.is_encoder_decoder:
        return dict(input_ids=tokens, decoder_input_ids=tokens)
    return dict(input_ids=tokens)


def run(model, row):
    """The logits, or the last hidden state of a class that has none, on a fixed input."""
    torch.manual_seed(0)        # ViT-MAE draws what it masks
    with torch.no_grad():
        result = model(**inputs(model))
    return next(result[key] for key in ("logits", "logits_per_image", "last_hidden_state")
                if key in result)
