"""
Archives: many comments judged at once, by a function of one batch, on whatever engine there is.

    plan        files -> partitions, fixed by the files alone
    rows        partition -> rows, and what is no row
    partition   rows -> verdicts and scores                       (pure)
    part        partition -> a file of its own, whole or not at all
    engines     who makes which part: processes, Daft, Daft on Ray
    run         all of it, begun or gone on with, and the manifest

Nothing depends on who makes a part, or on how many do: the same files come out, byte for byte.
"""
