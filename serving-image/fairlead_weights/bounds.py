"""The bounds on everything that a hub, an object store, or another pod by way of a shared cache can send.

One table, so that what a hostile server can make the container hold, write or wait for is the sum of few
lines. The container has a memory limit of 1 GiB. "Refused" means that the download ends with a reason that
names the server. The size of a download has no bound of its own: it must fit on the disk, and a content is
cut off at the size that was listed for it.
"""

from __future__ import annotations

# Answers that are read as a whole ------------------------------------------------------------------------

# A hub's list of files, unpacked. A file takes about 230 bytes of it, so these are 70,000 files. As Python
# objects it is at most 30 times as large (16 MiB of `{},` were measured at 430 MB). Beyond: refused.
MAX_ANSWER_BYTES = 16 << 20
# One page of an object store's list. A page of S3 has at most 1,000 objects, whose keys have at most 3,072
# bytes when they are encoded. Beyond: refused.
MAX_PAGE_BYTES = 8 << 20
# XML elements of such a page, and how deep they lie in each other. S3 has up to 10 for an object, 4 deep. The
# parser takes some 100 bytes and a recursion for each. Beyond: refused.
MAX_PAGE_ELEMENTS = 200_000
MAX_PAGE_DEPTH = 20
# The body of an error, which is read for its message. Beyond: not read.
MAX_ERROR_BYTES = 64 << 10
# From the head of an answer that is read as a whole to its last byte. A server that sends one byte at a time
# never times out. Beyond: tried again, as after a connection that broke; of an error, not read.
MAX_ANSWER_SECONDS = 120.0
# Redirects in a row. A hub redirects to its storage once, a mirror of a mirror twice. Beyond: refused.
MAX_REDIRECTS = 10
# The longest wait that a server may set with `Retry-After` or `RateLimit`. Beyond: this long, which is longer
# than the patience of any download.
MAX_PAUSE_SECONDS = 86400.0

# Lists of files ------------------------------------------------------------------------------------------

# Files of a repository, or objects under a path. The largest models have a few thousand files. Beyond:
# refused.
MAX_FILES = 100_000
# GGUF files that a message names when one has to be chosen. A message has 800 characters, and a repository
# may have some 30 quantisations. Beyond: counted.
MAX_NAMED_FILES = 10
# Pages of an object store's list that have no objects, and the time for all pages. Stores may send pages that
# are not full, for example of objects that were just deleted. Beyond: refused.
MAX_EMPTY_PAGES = 100
MAX_LISTING_SECONDS = 600.0
# The path of a file inside its repository: S3's own bound for keys, which is larger than the hub's. Beyond:
# refused.
MAX_PATH_BYTES = 1024
# One name in a path. File systems take 255 bytes, and a file that is being replaced has 14 more. Beyond:
# refused.
MAX_NAME_BYTES = 240
# A digest or an ETag as the name of a file, in which most punctuation takes three bytes. The name of an
# unfinished file has 20 more. A digest has 64 characters, an ETag of S3 at most 40. Beyond: refused.
MAX_VERSION_BYTES = 220
# A file, and all files together. Far beyond any model, and far below what 64 bits hold. Beyond: refused.
MAX_FILE_BYTES = 1 << 46
MAX_TOTAL_BYTES = 1 << 50

# Files of a shared cache, which another pod may have written ---------------------------------------------

# The record of a finished download. Beyond: it counts as absent, and the source is listed again.
MAX_RECORD_BYTES = 16 << 20
# The progress of another pod's download. Beyond: it counts as unknown.
MAX_PROGRESS_BYTES = 4 << 10
# The file with the commit of a branch. Beyond: it is written again.
MAX_REFERENCE_BYTES = 128
# The name of a pod that downloads: that of a host. Beyond: shown as `?`.
MAX_HOST_CHARACTERS = 63
