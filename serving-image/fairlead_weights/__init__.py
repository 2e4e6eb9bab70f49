"""The downloader: an init container that brings a model's weights into the cache before the engine starts.

It is separate from vLLM, because a download inside the engine shows no progress, starts from the beginning
after a restart, runs once per replica on a shared disk, and fails with a traceback instead of a cause.

`jobs`, `listing`, `backoff`, `progress` and `causes` decide; `files`, `store`, `locks` and `reporter` use the
disk; `answers`, `client`, `hub` and `s3` use the network; `fetch` moves bytes between the two, and `run`
combines them. Servers and other pods that share a cache are not trusted: `bounds` has what they may send, and
every path that they name goes through `files.inside`.
"""
