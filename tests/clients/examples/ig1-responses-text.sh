curl -X POST https://api.ig1.ai/v1/responses \
-H "Authorization: Bearer <YOUR_API_KEY>" \
-H "Content-Type: application/json" \
-d '{
"model": "qwen35-397b-a17b-instruct-general",
"input": "Write me a nice poem about DevOps."

}'
