"""Every threshold of the library, with its meaning and where its value comes from. Pure constants: no imports."""

# --- ingest -------------------------------------------------------------------------------------------------------
MIN_DURATION_S = 3.0
"""An upload that decodes to less is a slip of the finger, and too short to recognise or to recommend."""
MAX_DURATION_S = 3 * 3600.0
"""An upload that decodes to more is a broadcast or a mistake; separating it would hold up a night."""
MAX_UPLOAD_BYTES = 4 * 2**30
"""A larger object is not downloaded: three hours of CD-quality WAV are half of it."""
SILENCE_LUFS = -60.0
"""Integrated loudness below which nothing is to be heard; digital silence measures -70, the quietest records -35."""
MAX_PEAK = 1000.0
"""Times full scale. Floating-point mixes that are too loud reach 10. One whose numbers are those of 16 bits, 32,768,
would be clipped to noise, and one of 1e38 overflows whatever is computed from it."""
MAX_DECODE_ERROR_SHARE = 0.1
"""A file of whose frames more than this share does not decode is broken; a few bad frames at a cut are common."""
MAX_CHANNELS = 8
"""7.1 has eight; more is a recording desk's, and how it sounds as stereo is not known."""
MAX_CHANGES = 15
"""Times that codec, rate or channels may change in a chain of Ogg streams. Each change starts ffmpeg once more, which
takes up to DECODE_START_CPU_S."""
MIN_SAMPLE_RATE = 4_000
"""Hz. A telephone has 8,000; 1 Hz would be three hours in 20 kB, and holds no sound."""
MAX_SAMPLE_RATE = 768_000
"""Hz, of the fastest converters."""
DECODE_START_CPU_S = 2.0
"""CPU seconds until the first sample comes. A fit file takes 0.05; one with 80,000 comments took 160."""
DECODE_PACE = 8.0
"""Seconds of sound that each further CPU second must give. The slowest seen, FLAC of 8 channels at 192 kHz, gives 37;
of the formats that people have each gives 150 and more."""
DECODE_CPU_S = 300.0
"""CPU seconds of one run of ffmpeg. Three hours of FLAC at 96 kHz take 72."""
DECODE_WALL_S = 1800.0
"""One that is not done after that has no processor or waits for a disk: a fault of the machine."""
DECODE_MEMORY_BYTES = 2**30
"""Address space of one ffmpeg. It has 300 to 500 MB before it reads anything, of which 35 MB are used."""
MAX_TEXT_CHARACTERS = 200
"""A title or artist that is longer is not one; the field is dropped."""
MAX_ID_CHARACTERS = 128
"""A user or track id that is longer is not one: the field of an upload, the row of a listen or takedown is dropped."""
LISTEN_SLACK_DAYS = 1
"""A listen may lie this many days after its partition's day: clocks and zones are wrong."""
LISTEN_LATE_DAYS = 7
"""And this many before it: phones deliver what they played offline when they are online again, some days later."""
MAX_EXPORT_BYTES = 4 * 2**30
"""A larger file of listens or takedowns is not downloaded: the day's exports may be any number of files."""
EXPORT_FREE_ROWS = 1_000_000
"""A file with more rows than this and than it has bytes holds repetitions alone. A listen takes 3 bytes at least: two
million of 1,000 users and 100 tracks, sorted, in whole seconds, by zstd at its best."""
EXPORT_SLACK_BYTES = 2**24
"""A column of a file may unpack to so many bytes, and to those of its rows' longest ids besides: a page or two."""
EXPORT_BATCH_BYTES = 2**28
"""Text that is stored as differences may take so many bytes at a time, were each row as long as its whole column. A
million UUIDs are then read by 7 rows, in 15 s instead of 2 s; one value of 1 MB that 2,000 rows repeat took 3 GB."""
EXPORT_MEMORY_BYTES = 2**31
"""Reading a file may take so many bytes of address space: a million listens whose ids are as long as ids may be."""
EXPORT_MEMORY_PER_BYTE = 48
"""And so many more for each byte of the file: a listen is stored in 3 bytes at least, and takes 120."""
EXPORT_FOOTER_BYTES = 2**25
"""A longer footer is not parsed: 300 row groups of 30 columns take 1.3 MB, and parsing takes ten times as much."""
MAX_BAD_ROW_SHARE = 0.1
"""An export of listens with more rows than this that cannot be read is broken, and nothing of it is taken. What a
mended exporter of another engine gets wrong is all of a column; single bad rows are one in thousands."""
MIN_BAD_ROWS = 10
"""Fewer bad rows than this never fail an export, so that a small one does not fail by two of them."""
LATE_UPLOAD_DAYS = 7
"""So many earlier days each night looks into for uploads that came after their freeze, or whose night never was, and
for exports that came after they were read."""

# --- the night's gate -----------------------------------------------------------------------------------------------
MAX_REJECT_SHARE = 0.25
"""A night that rejects more than this share of its uploads does not publish: something upstream is broken."""
MIN_REJECTS_TO_STOP = 10
"""Fewer rejects than this never stop a night, so that a small day is not stopped by two bad songs."""
MAX_FAILED_EXPORT_SHARE = 0.25
"""A night of whose files of listens, or of takedowns, more than this share could not be taken does not publish: of 24
hourly ones six may fail. Lists without a day's listens are worse than yesterday's."""
DRIFT_MIN_SONGS = 50
"""Fewer new songs than this never stop a night by their vectors."""
DRIFT_MIN_EARLIER = 100
"""Songs of earlier days without which it is not known what vectors look like."""
DRIFT_SONGS = 2000
"""Songs that are looked at of the new day, and of the days before."""
DRIFT_DAY_SONGS = 300
"""Most songs of one earlier day."""
DRIFT_DAYS = 28
"""How far back the days before go."""
MAX_ODD_VECTORS = 0.02
"""More of the day's vectors than this share that are no unit vectors stop the night."""
MAX_ALIKE = 0.8
"""A mean cosine of the day's songs above this is an embedder that says the same of all. Of one album: 0.51 at most."""
MAX_STRANGE = 0.5
"""More of the day's songs than this that are no nearer to an earlier one than noise stop the night. Of one of 17 game
soundtracks by the rest: 0.13 at most, noise, another model: 0.94, 60 % noise: 0.56, ours beside the pair: 0.25."""

# --- vectors --------------------------------------------------------------------------------------------------------
MILVUS_TIMEOUT_S = 60.0
"""How long a call of Milvus may take; loading a large collection is the longest."""
MILVUS_RETRY_S = (0.5, 1.0, 2.0, *(4.0,) * 40)
"""Pauses before Milvus is asked again, when it failed in a way that passes or its answer lacked something."""
MILVUS_PATIENCE_S = 120.0
"""How long it is asked again. It notices after 10 to 60 s that a query node is dead; one that joins took up to 29 s."""
MILVUS_CONNECT_S = 10.0
"""How long connecting is tried: a proxy that restarts listens again after 3 s, and a person waits for an answer."""
MILVUS_SAMPLES = 12
"""Requests for all sentinels that are made at once, so that the proxy spreads them over the replicas; 4 ms each."""
SENTINEL_DAYS = 16
"""Days of which an answer of Milvus shows sentinels: half of them the newest, half spread evenly over those before."""
SENTINELS_A_DAY = 2
"""Vectors of a day that are noted as its sentinels: the first and the last that were written."""
MILVUS_REPLICAS = 2
"""Query nodes that have a collection in memory, where there are as many: one may die while the other answers."""
MILVUS_BATCH_BYTES = 8 * 1024 * 1024
"""Vectors in one upsert; a message of more than 64 MB is refused."""
MILVUS_BATCH_IDS = 1000
"""Ids in one delete or query."""
MILVUS_BATCH_QUERIES = 512
"""Vectors that are searched for in one call: 32 sentinels are then 6 % more."""
MILVUS_BATCH_HITS = 512 * 256
"""Hits of one call, about 8 MB: a message of more than 64 MB is refused."""
MAX_SHOWN = 10_000
"""More songs, or days, a command does not show: nobody reads them, and Milvus gives MILVUS_MAX_LIMIT at most."""
MILVUS_MAX_LIMIT = 16_384
"""Most vectors that Milvus gives for one query, and most rows of one page."""
SELF_SIMILARITY = 0.999
"""A stored vector is as near as this to itself in float32, or in an index that rounds."""
SAME_COMPONENT = 1e-6
"""Numbers of a stored vector that differ no more from the lake's are the same: a server may normalise it once more."""
LOAD_CHECK_SONGS = 200
"""Songs of a day that are searched for after loading it: all of a small day, an even sample of a large one."""
SEARCH_BREADTH = 64
"""Vectors that a search of a server's graph keeps in view; by itself as many as are asked for, and 0.93 found."""
BULK_MIN_ROWS = 100_000
"""A new collection of fewer vectors is upserted: an import of any size waits for 20 s, see docs/vectors.md."""

# --- models side by side ---------------------------------------------------------------------------------------------
RECALL_AT = 10
"""Nearest songs, or windows, by which the answers of searches are compared with exact ones."""
MIN_RECALL = 0.95
"""Share of them that a collection must find before its model takes over. Milvus Lite compares with all: 1.00; an index
that finds less than this was built wrongly, or of other vectors."""
CHECK_SONGS = 200
"""Songs that are searched for to measure it, and by whose nearest songs two models are compared."""
CHECK_DAYS = 20
"""Days that these songs come from: of each of them all vectors are read once more."""

# --- duplicates -----------------------------------------------------------------------------------------------------
PRINT_SPEEDS = (*range(-8, 0), *range(1, 9))
"""Percent by which a copy may be faster than its original: a song's prints are also taken at these speeds undone."""
VOTING_SEGMENT_WORDS = 48
"""Words, 6 s, whose votes for an offset are counted together: so few that a tempo 6 % off shifts them by 3 words."""
VOTING_MAX_REPEATS = 32
"""A word that a song has more often than this votes for too many offsets to tell anything."""
OFFSETS_TRIED = 8
"""Places of either kind with the most votes that are compared bit by bit."""
TEMPO_MARGIN = 0.06
"""By how much a song at its own pitch may run faster or slower than its original."""
RATE_MARGIN = 0.015
"""The same for a song at another pitch, beyond the original's tempo and the one that its pitch tells."""
INFORMATIVE_FLIPS = 10.0
"""Bits of 32 in which words half a second apart differ in music of the usual liveliness: 10.7 in the median of 100
songs; 5.8 in held synthesizer chords, of which two songs agreed over 26 s to 0.77."""
MAX_SPANS = 8
"""Spans of one pair; more are the same cut again and again."""
SPAN_MIN_GAIN = 120
"""Bits that a further span of a pair must gain."""
SIMPLER_GAIN = 0.93
"""An unaltered song is believed where it gains this share of what the best alteration gains: an equaliser or an echo
now and then makes a neighbouring speed agree a little better."""
PLACE_MIN_GAIN = 40
"""Bits that a likely place must gain before its line is made finer: chance places gain 24 in the median."""
SPAN_ERROR_BITS = 11
"""Wrong bits of a word's 32 below which it belongs to a matching span: unrelated words differ in 16."""
USUAL_CHANCE_BITS = 15.0
"""Wrong bits of a word's 32 where two prints of music do not match: 14.4 in the median of excerpts. Held chords have 9
to 11, drum loops 9, white noises 5.6. With 14 in its place one of 34,980 pairs of different look-alikes is false."""
MIN_CHANCE_BITS = 1.0
"""Nothing less is divided by. Test tones have 0; of what changes enough to be compared, a metronome's 1.8 is least."""
CHANCE_SHIFTS = 16
"""Wrong places at which the chance of a span is measured. The mean of so many differs from that of all by 0.2 bits in
music and 0.35 in noises, drones and loops (standard deviation)."""
CHANCE_MIN_SHIFT = 20
"""Words, 2.5 s, between a span and the nearest wrong place. A word is made of 2.7 s of sound."""
CHANCE_MIN_WORDS = 160
"""Words, 20 s, of the older print from which wrong places are taken where the span is shorter."""
LOOP_RATIO = 0.8
"""Two prints agree by a common loop where their wrong bits are at least this share of those at the best other place.
Two performances of one vamp, pad loop or drone: 0.84 at least; copies: 0.74 at most."""
LOOP_EXACT = 0.6
"""Share of these wrong bits below which one of the two repeats itself so exactly that a copy must agree elsewhere too.
Two performances of one vamp, pad loop or drone: 0.73 at least."""
LOOP_MIN_WORDS = 80
"""Words, 12.5 s of sound, that another place has room for at least: shorter passages come again by chance. With 40 one
of 301 copies is lost: 10 s of held chords, 3 % faster, in noise."""
MIN_OVERLAP_WORDS = 12
"""Words that two prints must have in common to be compared at all: 4.1 s of sound. 4.0 s have eleven."""
MIN_DISTINCT_WORDS = 8
"""A print, or a matching span, with fewer different words than this is silence or a test tone: not comparable."""
MIN_DISTINCT_SHARE = 0.2
"""The same as a share of its words; of real music 0.59 is the least seen."""
MATCH_MIN_GAIN = 95
"""Bits that a matching span gains at least, beyond what is asked of each of its words."""
GAIN_PER_WORD = 1.2
"""Bits that are asked of each word of a span: the longer two similar harmonies agree by chance, the more they gain."""
GAIN_PER_WORD_ALTERED = 2.2
"""The same at another speed or pitch, of which there are many, so that one fits by chance more often."""
MIN_SHARE = 0.25
"""Share of the shorter song below which an agreement, a sample or a common loop, makes no pair."""
WHOLE_SHARE = 0.6
"""Share of the shorter song from which on it counts as the same song; below, the two share a fragment."""
MAX_DIFFERENT = 0.25
"""Share of the shorter song in which one song and its copy may differ at the same place. Of 301 copies by all
alterations 0.02 at most do; two bulletins of 41 s that begin with the same 26 s differ in 0.37."""
SILENT_WORD = 627964279
"""Chromaprint's word for silence: below its floor all pitches are zero, and so is each difference between them."""
SILENCE_MIN_WORDS = 8
"""Such words in a row, 3.6 s of sound, from which on they are silence and no chance."""
SAME_PART_SIMILARITY = 0.66
"""1 - bit error rate over the spans from which on a part is the same recording, given the evidence of the spans."""
SAME_BACKING_SIMILARITY = 0.85
"""The same for the accompaniment where it alone decides, on covers: 0.90 to 0.97 on true ones. Composed songs on the
same progression in neighbouring keys reach 0.80."""
SAME_BACKING_SIMILARITY_ALTERED = 0.90
"""And where one backing would have to be at another speed or pitch besides."""
ALTERED_MIN_CHANGE = 0.005
"""Change of tempo from which on a copy is altered: less is a sound card's clock."""
SAME_MIX_SIMILARITY = 0.90
"""A mix this alike is the same recording whatever the vocals say. Covers: 0.80 at most; re-encodings: 0.92 at least."""
SAME_VOCALS_SIMILARITY = 0.68
"""Vocals this alike are the same take. Copies: 0.91 at least, fragments: 0.77; other singers, or none, on the same
backing: 0.57 at most."""
SINGING_DB = -30.0
"""Level of the separated vocals against the mix above which they may be singing. Sung songs: -8 to -3; backing tracks
without a singer: -22 (synthesizer leads pass for voices) to -65."""
SINGING_DIFFERENCE_DB = 12.0
"""Vocals that are silent in one song and differ from the other's by more than this are missing, not just quiet."""
FRAGMENT_MAX_RATIO = 0.8
"""A song shorter than this share of the other is a fragment of it, not a trimmed duplicate."""
EXEMPLARS = 5
"""Songs that stand for a group, whatever its size: those that match most others, and the longest."""
EXEMPLARS_MATCHING = 2 / 3
"""Share of the pairs of two groups' exemplars that must match if they are one. All of one or two pairs, two of three:
two poor copies of a good one need not match each other, and a bad pair between two pairs of songs is one in four."""
GROUPING_ROUNDS = 4
"""How often a sweep compares what its groups leave open; a pair that is still open then says nothing."""
RINGTONE_SECONDS = 35.0
"""A part of a longer upload that lasts longer is a song of its own, if another part is one too: previews and ringtones
last 30 s at most."""
PARTS_MAX_OVERLAP = 0.4
"""Share of the shorter of two parts of one upload up to which they are at different places: songs that are faded into
each other for 12 s overlap by 0.3 of a song of 40 s."""
COMPILATION_COVERED = 0.85
"""Share of an upload that parts at different places cover from which on they are its songs, however short they are."""
COMPILATION_SECONDS = 1200.0
"""An upload of 20 minutes in which a whole song lies is no song: a mix, an album, a broadcast."""
ECHOPRINT_MIN_CODES = 64
"""Songs with fewer codes are not comparable. Fragments of 5 s of music have 120 at least, whole tracks 1388; recordings
of wind, water or a bell have none to 17, and chance finds so few a good place anywhere."""
ECHOPRINT_MATCH_SCORE = 2.2
"""Score from which two songs are one recording. Copies with filters, low bit rates, cuts, or noise up to 5 dB below the
song: 2.5 at least; fragments of 10 s: 4.1, with one exception; of 5 s: 2.8 in the middle. Different tracks, 175,000
pairs: 1.68 at most; a fragment and another track, 23,000 pairs: 1.48; two arrangements of one piece: 2.05."""
ECHOPRINT_TOLERANCE = 1
"""Frames by which each interval of two agreeing codes may differ. With 0 or 2 fewer copies score above all different
songs. At a tempo 2 % off three copies in five are found, at 4 % one in twenty: the offset drifts as well."""
ECHOPRINT_MAX_REPEATS = 100
"""A code that a song has more often than this, as a metronome does, votes for too many offsets to tell anything."""
INDEX_LAG_WORDS = 4
"""Words, half a second, between the two that make a key: neighbours are too alike to tell more than one."""
INDEX_KEY_SAMPLE = 2
"""One of so many keys is kept. Of 40 s excerpts all codecs, noises and speeds are found, of 5 s 97 %."""
INDEX_MIN_HITS = 2
"""Keys that two songs must share, at one speed and offset, to be compared: 0.02 % of different excerpts of 40 s do."""
INDEX_MAX_CANDIDATES = 64
"""Most older songs, those with the most hits, that a song is compared with for the sake of its print."""
INDEX_CROWD = 8
"""Songs that share many keys with a song from which on it is compared with those that stand for them first, and with
the others only if it does not belong to them."""
INDEX_CROWD_HITS = 4
"""Keys from which on these are many, if they are also a quarter of the most that it shares with any. Two different
songs seldom share more than two or three at one place."""
INDEX_CROWD_CHOSEN = 1
"""Songs of a crowd that stand for it, of each kind: the first, the longest, and the one with the most hits."""
INDEX_SONGS = 2000
"""Younger songs in one table, and whose prints are held at a time: 32 million keys, 0.4 GB, where they last four
minutes, and twice as much of prints."""
CANDIDATE_COSINE = {
    "nightjar_pair-2": {"tracks": 0.3, "windows": 0.7},
    "nightjar_cnn-4": {"tracks": 0.25, "windows": 0.7},
    "msd_musicnn-2": {"tracks": 0.5, "windows": 0.8},
}
"""Songs at least this near by a model, or with windows this near, are compared by fingerprint: 6.8 %, 7.2 % and
7.5 % of the pairs of 99 excerpts, and of 360 copies (codecs, noise, filters, echo, pieces) 97.5 %, 100 % and 93.9 %.
Least of the pair between a song and its cropped copy: 0.96, opus at 24 kbit/s: 0.82, 10 s of it: 0.70, 5 s: 0.63, noise
as loud as it: 0.11; of the best windows of a song and 10 s of it: 0.90, 5 s: 0.79."""
CANDIDATE_LIMIT = 64
"""Neighbours that are asked for at first; lists that end above the threshold are asked for again, twice as long."""
CANDIDATE_MAX_LIMIT = 256
"""Most neighbours of one vector that become candidates, the nearest ones: what a song costs must not grow with the
library, and from some thousand songs on more than these are as near as the cosines above. What Milvus proposes depends
on the order of days only beyond."""

# --- recommendations ------------------------------------------------------------------------------------------------
PAST_DAYS_AWAITED = 7
"""Ingested days before a day that its lists wait for until they are swept; older ones have failed for good."""
LIST_LENGTH = 100
"""Songs on a user's list; fewer where the library has no more to give."""
LISTEN_WINDOW_DAYS = 28
"""Days of listens, the list's own day included, that seeds, popularity and co-listening are taken from."""
MOOD_HALF_LIFE_DAYS = 2.0
"""Half of what a listen counts fades by half in so many days: a list follows what is heard these days."""
TASTE_HALF_LIFE_DAYS = 14.0
"""And the other half in so many: it remembers what is liked for good. Neither is measured: no data has times."""
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
"""Songs that a seed brings, by sound and by behaviour together; and nearest songs that are kept of each by sound."""
SOUND_WEIGHT = 0.04
"""What a cosine of 1 counts beside behaviour, for a song that nobody has played yet: about as much as the best
neighbour by behaviour, 0.03 to 0.04 with real listeners. Not tuned: no data at hand has both sound and listeners."""
SOUND_HALF_LISTENERS = 20.0
"""Listeners from whom on a song's sound counts half of that: what they play says more than how it sounds. Not tuned."""
MIN_SOURCE_SHARE = 0.1
"""Share of a score below which a source is not named."""
RIDGE_NEIGHBOURS = 100
"""Songs that a song's plays are predicted from, those it is played with most. With 200, 400 and all of them NDCG@10
is the same to 0.003."""
RIDGE_KEPT = 300
"""Songs of which it is known at all how often they are played with a song, for the sake of memory. With 200 and 1000
NDCG@10 is the same to 0.0005."""
RIDGE_PENALTY = 10.0
"""What keeps a regression from believing in few listeners. Half of it costs 0.002 of NDCG@10."""
RIDGE_SCALE = 0.25
"""Songs enter the regression divided by this power of their listeners. Without it recall@50 is 0.006 lower."""
TASTE_FACTORS = 64
"""Length of a song's taste. With 32 and 128 NDCG@10 is the same to 0.002, each with a penalty of its own."""
TASTE_PENALTY = 30.0
"""What keeps the factors small, against the squared error of the plays."""
TASTE_CONFIDENCE = 20.0
"""How much more a play of full weight is believed than that a song was not played: it may just be unknown."""
TASTE_WEIGHT = 1.5
"""What tastes count beside neighbours. From 1 to 2.5 NDCG and recall measure the same; the more, the fewer songs are
reached."""
TASTE_ITERATIONS = 15
"""Rounds of the factorization, songs and people in turn: the library's own number."""
AXES_SAMPLE = 20_000
"""Vectors whose principal axes are taken for all."""
TASTE_CANDIDATES = 600
"""Candidates for which the neighbours say most, whose tastes are compared: the pool takes a third of them."""
BEHAVIOUR_DAMPING = 0.15
"""What behaviour says of a song is divided by this power of its listeners: at no cost in NDCG or recall the lists reach
half as many songs again."""
RANK_POOL = 200
"""Candidates of the highest score that are re-ranked for variety; the rest are not looked at."""
RANK_POOL_FRESH = 50
"""Fresh candidates that join the pool even if their scores would not take them there."""
VARIETY = 0.3
"""Weight of the largest similarity to a song already chosen, against relevance, in maximal marginal relevance."""
MAX_PER_UPLOADER = 10
"""Songs of one uploader on a list."""
MAX_PER_ARTIST = 10
"""Songs of one named artist on a list."""
FAMILY_MIN_SHARE = 0.5
"""Share of the longer song that two covers have in common at least to be of one family. A song cannot have more than
half of itself in common with each of two backings, so that no medley joins their families."""
MAX_PER_FAMILY = 5
"""Songs of one family, on one backing track, on a list. Set, not measured: half of what an uploader may have, since one
uploader's songs differ more."""
BEGINNING = 20
"""Places at the beginning of a list, what an app shows at first."""
MAX_PER_FAMILY_IN_BEGINNING = 2
"""Songs of one family in these places."""
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
MIN_LISTS_KEPT = 0.5
"""A version in which fewer than this share of the users with a published list have one does not replace it: listens are
missing, or users' ids have changed."""
MIN_LISTS_TO_COMPARE = 20
"""Below this many published lists they may change in any way."""
MAX_CHURN = 0.9
"""A version on whose lists more than this share of the songs are new, user by user, does not replace the published one.
Lists made at random share nothing; a night adds what is new and drops what was heard."""
CHURN_MIN_LENGTH = 20
"""Lists shorter on average than this may change altogether: a user who hears five of seven songs gets others."""
CHURN_DAYS = 7
"""And so may those after a gap of more days than this, which explains it."""
MIN_LENGTH_KEPT = 0.7
"""Lists shorter on average than this share of the published ones do not replace them: songs are missing."""
MIN_COVERAGE_KEPT = 0.5
"""A version with fewer songs on all its lists together than this share of the published ones' does not replace them:
everybody would be shown the same, as where a source of candidates has failed."""
KV_CHUNK = 500
"""Keys in one command, or one pipeline, to the key-value store: more gain nothing and hold other clients up."""
KV_SAMPLE = 1000
"""Lists that are read back byte for byte before the pointer moves; of all others the length is compared."""
KV_OVERHEAD_BYTES = 120
"""Bytes that the store needs for a key beside the key's and the value's own, measured on Valkey 9 and rounded up."""
