"""The downloader: an init container that brings a model's weights into the cache before the engine starts.

It is a step of its own, apart from vLLM, because a download inside the engine shows no progress, starts anew
after a restart, runs once per replica on a shared disk, and dies with a traceback where a cause would do.

`jobs`, `listing`, `backoff`, `progress` and `causes` decide; `files`, `store`, `locks` and `reporter` know
the disk; `answers`, `client`, `hub` and `s3` know the network; `fetch` moves bytes between the two, and `run`
puts it all together. Servers and other pods that share a cache are not trusted: `bounds` has what they may
send, and every path that they name goes through `files.inside`.
"""
