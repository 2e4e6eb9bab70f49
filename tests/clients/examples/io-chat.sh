curl --request POST \
  --url https://api.intelligence.io.solutions/api/v1/chat/completions \
  --header 'Content-Type: application/json' \
  --data '{
  "model": "<string>",
  "messages": [
    "<any>"
  ],
  "reasoning_content": false,
  "frequency_penalty": 0,
  "logit_bias": {},
  "logprobs": false,
  "top_logprobs": 123,
  "max_tokens": 123,
  "max_completion_tokens": 123,
  "n": 1,
  "presence_penalty": 0,
  "response_format": {},
  "seed": 123,
  "stop": [
    "<string>"
  ],
  "stream": false,
  "stream_options": {},
  "temperature": 0.7,
  "top_p": 1,
  "tools": [
    "<any>"
  ],
  "tool_choice": "\"none\"",
  "parallel_tool_calls": false,
  "user": "<string>",
  "best_of": 123,
  "use_beam_search": false,
  "top_k": -1,
  "min_p": 0,
  "repetition_penalty": 1,
  "length_penalty": 1,
  "stop_token_ids": [
    123
  ],
  "include_stop_str_in_output": false,
  "ignore_eos": false,
  "min_tokens": 0,
  "skip_special_tokens": true,
  "spaces_between_special_tokens": true,
  "truncate_prompt_tokens": 123,
  "prompt_logprobs": 123,
  "echo": false,
  "add_generation_prompt": true,
  "continue_final_message": false,
  "add_special_tokens": false,
  "documents": [
    "<any>"
  ],
  "chat_template": "<string>",
  "chat_template_kwargs": {},
  "guided_json": "<string>",
  "guided_regex": "<string>",
  "guided_choice": [
    "<string>"
  ],
  "guided_grammar": "<string>",
  "guided_decoding_backend": "<string>",
  "guided_whitespace_pattern": "<string>",
  "priority": 0,
  "request_id": "<string>"
}'
