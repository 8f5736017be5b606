"""Every threshold of the library, with its meaning and where its value comes from. Pure constants: no imports."""

# --- ingest -------------------------------------------------------------------------------------------------------

# --- the night's gate -----------------------------------------------------------------------------------------------
MAX_REJECT_SHARE = 0.25
"""A night that rejects more than this share of its uploads does not publish: something upstream is broken."""
MIN_REJECTS_TO_STOP = 10
"""Fewer rejects than this never stop a night, so that a small day is not stopped by two bad songs."""

# --- duplicates -----------------------------------------------------------------------------------------------------

# --- recommendations ------------------------------------------------------------------------------------------------
LIST_LENGTH = 100
"""Songs on a user's list; fewer where the library has no more to give."""
LISTEN_WINDOW_DAYS = 28
"""Days of listens, the list's own day included, that seeds, popularity and co-listening are taken from."""
LISTEN_HALF_LIFE_DAYS = 7.0
"""A listen this old counts half: a list follows this week's taste, and still remembers last month's."""
LIKE_WEIGHT = 1.5
"""What a like adds to a seed's weight; hearing a song once from beginning to end adds 1."""
SKIP_WEIGHT = 1.0
"""What a skip at the very first second takes from a seed's weight; a later skip takes less."""
SEEDS_PER_USER = 50
"""Songs of a user, those of the largest weight, that a list is made from."""
DISLIKED_SEEDS_PER_USER = 10
"""Songs that a user skipped more than heard and that push their neighbours away."""
DISLIKE_SHARE = 0.5
"""How strongly a disliked seed pushes, relative to a liked one: a skip may be about the moment, not the song."""
NEIGHBOURS_PER_SEED = 100
"""Nearest songs by sound, and as many co-listened ones, that a seed brings."""
CO_LISTEN_SHARE = 0.5
"""Share of co-listening in a blended score; the rest is the sound's."""
CO_LISTEN_MIN_SUPPORT = 2
"""Fewer people than this who play both songs are a coincidence, and no reason."""
CO_LISTEN_SHRINK = 5.0
"""Co-listening by n people counts n / (n + this) of its cosine, so that little evidence weighs little."""
RANK_POOL = 300
"""Candidates of the highest score that are re-ranked for variety; the rest are not looked at."""
RANK_POOL_FRESH = 50
"""Fresh candidates that join the pool even if their scores would not take them there."""
VARIETY = 0.3
"""Weight of the largest similarity to a song already chosen, against relevance, in maximal marginal relevance."""
MAX_PER_UPLOADER = 10
"""Songs of one uploader on a list."""
MAX_PER_ARTIST = 10
"""Songs of one named artist on a list."""
FRESH_DAYS = 7
"""A song is fresh on the day of its upload and the days after it, so many in all."""
FRESH_SHARE = 0.1
"""Least share of every beginning of a list that is fresh songs, as long as there are any."""
NEW_USERS_FRESH_SHARE = 0.3
"""The same for the list of users without a history: what nobody has played yet must begin somewhere."""
COLD_POOL = 1000
"""Songs, popular and fresh, that short lists are filled up from."""
BECAUSE = 3
"""Heard songs that a list names as the reason for an entry."""

# --- publishing -----------------------------------------------------------------------------------------------------
MAX_LISTS_LOST = 0.5
"""A version with fewer lists than this share of the published ones does not replace them: listens are missing."""
MIN_LISTS_TO_COMPARE = 20
"""Below this many published lists their number may fall to anything."""
KV_CHUNK = 1000
"""Commands in one pipeline to the key-value store: more gain nothing and hold other clients up."""
KV_SAMPLE = 1000
"""Lists that are read back byte for byte before the pointer moves; of all others the length is compared."""
KV_OVERHEAD_BYTES = 120
"""Bytes that the store needs for a key beside the key's and the value's own, measured on Valkey 9 and rounded up."""
