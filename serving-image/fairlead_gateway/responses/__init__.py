"""The Responses API on top of chat completions, as pure functions and one stream state machine.

It is built here and not taken from the engine, because vLLM's own endpoint drops documented parameters,
cuts the stream on late errors and ends every stream in `response.completed`.
"""
