curl --request POST \
  --url https://rag.example/v1/chat/completions \
  --header 'Authorization: Bearer none' \
  --header 'X-User-Id: somebody' \
  --header 'X-Project-Id: something' \
  --header 'Content-Type: application/json' \
  --data '{
  "model": "",
  "rag_params": null,
  "tools": [{"type": "function", "function": {"name": "forecast", "parameters": {"type": "object"}}}],
  "tool_choice": "none",
  "temperature": 0.2,
  "top_p": 0.6,
  "stream": false,
  "max_tokens": 2048,
  "stop": ["###"],
  "presence_penalty": 0,
  "frequency_penalty": 0,
  "logit_bias": {"40": -1},
  "chat_id": "",
  "messages": [{"role": "user", "content": "hello"}],
  "max_completion_tokens": 16,
  "n": 1,
  "user": "someone"
}'
