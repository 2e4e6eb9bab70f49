curl -X POST https://api.ig1.ai/v1/responses \
-H "Authorization: Bearer $IG1AI_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"model": "qwen35-397b-a17b-instruct-general",
"input": [
{
"role": "user",
"content": [
{"type": "input_text", "text": "Describe this image"},
{
"type": "input_image",
"image_url": "data:image/png;base64,<BASE64_ENCODED_IMAGE_DATA>"
}
]
}
]
}'
