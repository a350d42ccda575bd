"""
The hand that a piece of work is given: a connection's cursor, SQL for either database, and what waits for the last step.

On SQLite whoever writes has the database to themselves, so a `Hand` numbers leaves and changes at once. On PostgreSQL
many write at the same time. There a `FarHand` does the work under locks on what the work decides upon, and only that;
what needs an order among all nodes (numbers, and the rows of stories, which all want) it keeps for the end, and sends
that with the COMMIT in one go. So the counter is locked while the server works, and never while a node is waited for.

Comments' locks are taken before the counter, stories' rows after it, and in company nobody waits for a lock: a piece of
work that meets one held by another is put off and done alone (`Busy`). So no two wait for each other.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Protocol

from meydan.store import statements as sql
from meydan.store.reach import Reach

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")

_UNNUMBERED = -1
"""Stands in comment.receipt until the last step; no leaf has it, so without that step nothing can be committed."""

_SEQS = 4096
"""
More decisions than a comment ever has: so what stands in decision.leaf until then is no other decision's. Not many more,
because comments of divided tables have numbers of sixteen digits (see months.py), and all of it has to fit into 63 bits.
"""

Row = tuple[Any, ...]


class Busy(Exception):
    """Another node decides upon the same just now; who meets it in company is done alone afterwards, and waits."""


class _Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: str, parameters: Mapping[str, Any], /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...
    def close(self) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...


class _Closes(Protocol):
    def close(self) -> Any: ...


class Leaf:
    """A leaf of the ledger. Its `number` is known at once on SQLite, and once it is durable on PostgreSQL."""

    __slots__ = ("_number", "place")

    def __init__(self, number: int | None, place: int = 0) -> None:
        self._number = number
        self.place = place

    @property
    def number(self) -> int:
        if self._number is None:
            raise RuntimeError("a leaf has no number before the last step of its transaction")
        return self._number

    def becomes(self, number: int) -> None:
        self._number = number


class Hand:
    """One connection's cursor, and SQL with `:name` parameters for either database."""

    __slots__ = ("_adapted", "_added", "_comment", "_connection", "_cursor", "_leaf", "_reach", "careful")

    def __init__(
        self,
        connection: _Closes,
        cursor: _Cursor,
        adapted: dict[str, str] | None,
        reach: Reach | None = None,
    ) -> None:
        self._connection = connection
        self._cursor = cursor
        self._adapted = adapted
        self._reach = reach
        self._leaf: int | None = None
        self._comment: int | None = None
        self.careful = True
        """Whether to ask before what the tables would refuse; else a refusal undoes the batch, and it is done anew, carefully."""
        self._added: dict[str, list[tuple[Any, ...]]] = {}

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return "sqlite" if self._adapted is None else "postgresql"

    def _text(self, statement: str) -> str:
        if self._adapted is None:
            return statement
        adapted = self._adapted.get(statement)
        if adapted is None:
            adapted = self._adapted[statement] = _PARAMETER.sub(r"%(\1)s", statement.replace("%", "%%"))
        return adapted

    def _ask(self, statement: str, parameters: Mapping[str, Any]) -> _Cursor:
        if self._added and statement not in sql.BESIDE_ADDED:
            self.put_added()
        if self._reach is None:
            self._cursor.execute(self._text(statement), parameters)
        else:
            with self._reach.waiting():
                self._cursor.execute(self._text(statement), parameters)
        return self._cursor

    def run(self, statement: str, /, **parameters: Any) -> int:
        """Execute; returns the number of rows it touched."""
        return self._ask(statement, parameters).rowcount

    def one(self, statement: str, /, **parameters: Any) -> Row | None:
        """The first row, or None."""
        row: Row | None = self._ask(statement, parameters).fetchone()
        return row

    def all(self, statement: str, /, **parameters: Any) -> list[Row]:
        rows: list[Row] = self._ask(statement, parameters).fetchall()
        return rows

    def pieces(self, statement: str, size: int) -> Iterator[list[Row]]:
        """
        Every row of a question, `size` at a time, without holding more of them.

        Inside a transaction, and nothing else is asked by this hand until the last was taken.
        """
        if self._adapted is None:
            self._ask(statement, {})
            while rows := self._cursor.fetchmany(size):
                yield rows
            return
        # The server keeps the place: its driver would fetch all of the rows first.
        self.run(f"DECLARE pieces NO SCROLL CURSOR FOR {statement}")
        while rows := self.all(f"FETCH {int(size)} FROM pieces"):
            yield rows
        self.run("CLOSE pieces")

    def put(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows by the thousand: COPY on PostgreSQL. Names are the schema's, never from outside."""
        names = ", ".join(f'"{name}"' for name in columns)
        if self._adapted is None:
            self.put_added()
            marks = ", ".join("?" * len(columns))
            if table == "comment":
                # They bring their numbers: the next is another now.
                self._comment = None
            self._cursor.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)  # noqa: S608
            return
        with self._cursor.copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)

    def send(self, statement: str, /, **parameters: Any) -> None:
        """Execute what nobody waits for: on PostgreSQL it travels with the next that is asked."""
        self._ask(statement, parameters)

    def add(self, statement: str, /, **parameters: Any) -> None:
        """
        Insert a row that the rest of this piece of work does not ask for.

        On SQLite it is put in together with those of other pieces, many with one statement, and before anything that
        could read it: each statement lets other threads take the interpreter, and waits to have it back.
        """
        self._added.setdefault(statement, []).append(tuple(parameters[name] for name in _names_in(statement)))

    def put_added(self) -> None:
        """Insert what was added so far."""
        added, self._added = self._added, {}
        first = [statement for statement in _ADDED_FIRST if statement in added]
        for statement in dict.fromkeys((*first, *added)):
            rows = added[statement]
            begin = 0
            for size in _AT_ONCE:
                while len(rows) - begin >= size:
                    values = [value for row in rows[begin : begin + size] for value in row]
                    self._cursor.execute(_of_many(statement, size), values)  # type: ignore[arg-type]
                    begin += size

    def drop_added(self) -> None:
        """Forget what was added and not put in yet, because its piece of work failed."""
        self._added = {}

    def close(self) -> None:
        # A statement that a cursor holds keeps SQLite's connection, and what it has locked, behind the closed door.
        self._cursor.close()
        self._connection.close()

    def write_numbers(self) -> None:
        """Let statements of this transaction see how many leaves there are."""
        if self._leaf is not None:
            self.run(sql.LEAVES_TAKEN, leaf=self._leaf)

    # -- a transaction of the writer's --------------------------------------

    def begin(self) -> None:
        self._leaf = self._comment = None
        self.drop_added()
        self.run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Durable when this returns."""
        self.put_added()
        self.write_numbers()
        self.run("COMMIT")

    def abandon(self) -> None:
        """Undo all of the transaction, after something in it failed."""
        self.drop_added()
        self.run("ROLLBACK")

    def mark(self) -> tuple[int | None, ...]:
        """To give back to `undo`."""
        return (self._leaf, self._comment)

    def undo(self, mark: tuple[Any, ...]) -> None:
        """Forget what was kept for the last step since."""
        self._leaf, self._comment = mark

    # -- among others who write ----------------------------------------------

    def lock_comment(self, id: str) -> None:
        """Let nobody else decide upon a comment until the commit; what is read after this stands."""

    def lock_above(self, id: str) -> None:
        """Let nobody decide upon a comment whose replies are about to change; others may change them too."""

    def lock_top(self, number: int) -> None:
        """As `lock_above`, of what begins a branch."""

    def lock_key(self, kind: str, key: str = "", *, once: bool = False) -> None:
        """
        Let nobody else decide upon whatever this stands for: a key, a mailbox, somebody's name.

        With `once`, no other piece of the same batch either: what the first keeps for the end the second could not read.
        """

    def apart(self, statement: str, /, **parameters: Any) -> Row | None:
        """Execute what may stand whatever becomes of this transaction; so that nobody waits for its end."""
        ran = self._ask(statement, parameters)
        return ran.fetchone() if "RETURNING" in statement else (ran.rowcount,)

    # -- what has an order ----------------------------------------------------

    def story(self, url: str) -> int:
        """The number of a story, which is made if it was not known."""
        row = self.one(sql.STORY_ID, url=url)
        if row is None:
            # Apart: nobody whose comment is the first one too has to wait for this one. A story without any harms nobody.
            row = self.apart(sql.ADD_STORY, url=url) or self.one(sql.STORY_ID, url=url)
        if row is None:
            raise RuntimeError("a row that this transaction wrote is not there")
        return int(row[0])

    def leaf(self, body: bytes, *, added: bool = False) -> Leaf:
        """Put a leaf into the ledger; `added`: see `add`."""
        number = self._next_leaf()
        if added:
            self.add(sql.PUT_LEAF, number=number, body=body)
        else:
            # At once: whatever names it is refused before.
            self.run(sql.PUT_LEAF, number=number, body=body)
        # Written back once, with the commit: nobody else takes numbers before.
        self._leaf = number + 1
        return Leaf(number)

    def leaves(self, bodies: Sequence[bytes]) -> list[Leaf]:
        """Put many leaves into the ledger, in their order."""
        if not bodies:
            return []
        first = self._next_leaf()
        self.put("leaf", ("number", "body"), list(enumerate(bodies, first)))
        self._leaf = first + len(bodies)
        return [Leaf(number) for number in range(first, self._leaf)]

    def _next_leaf(self) -> int:
        # The number is taken inside the transaction: a number handed out and then
        # rolled back would leave a hole, and verifiers treat a hole as tampering.
        if self._leaf is not None:
            return self._leaf
        row = self.one(sql.LEAF_COUNT)
        assert row is not None
        return int(row[0])

    def comment(self, leaf: Leaf, **row: Any) -> int:
        """Add (see `add`) a comment with the leaf of its receipt; its number."""
        if self._comment is None:
            # Nobody else takes numbers before the commit.
            ((self._comment,),) = self.all(sql.NUMBERS["sqlite"])
        number: int = self._comment
        self.add(sql.ADD_NUMBERED["sqlite"], number=number, receipt=leaf.number, **row)
        self._comment = number + 1
        return number

    def receipt(self, leaf: Leaf) -> int:
        """What to keep in comment.receipt; then `names_receipt`."""
        return leaf.number

    def names_receipt(self, leaf: Leaf, comment: int) -> None:
        """This comment's receipt is that leaf."""

    def decided(self, leaf: Leaf, comment: int, seq: int) -> int:  # noqa: ARG002  (FarHand wants them)
        """What to keep in decision.leaf of this decision."""
        return leaf.number

    def counts(self, comment: int, *, replies: int = 0, branch: int = 0) -> None:
        """So many more replies to a comment are shown, and so many more places are in the branch that it begins."""
        if replies:
            self.run(sql.REPLIED, delta=replies, number=comment)
        if branch:
            self.run(sql.BRANCH_CHANGED, delta=branch, number=comment)

    def picks(self, story: int, delta: int) -> None:
        """So many more of its comments are chosen."""
        self.run(sql.STORY_PICKED, id=story, delta=delta)

    def changed(self, story: int, *, shown: int = 0) -> None:
        """Readers see a story otherwise from now on, and so many more comments on it."""
        change = self.one(sql.NEXT_CHANGE)
        assert change is not None
        self.run(sql.STORY_CHANGED, id=story, change=change[0], delta=shown)

    def later(self, statement: str, /, **parameters: Any) -> None:
        """Execute in the order of commits. A `Leaf` among the parameters stands for its number, counted from the end."""
        self.run(statement, **parameters)

    def stirs(self) -> None:
        """There is news for the desk that no number tells; see Store.pulse."""


_ADDED_FIRST = (sql.PUT_LEAF, sql.ADD_NUMBERED["sqlite"])
"""Of what may be added: what the rest names, in its order."""

_AT_ONCE = (32, 16, 8, 4, 2, 1)
"""Rows in one statement: few sizes, so that the driver keeps each as it was prepared."""


@functools.cache
def _names_in(statement: str) -> tuple[str, ...]:
    return tuple(_PARAMETER.findall(statement))


@functools.cache
def _of_many(statement: str, size: int) -> str:
    """An INSERT of one row of parameters as one of `size` rows of marks."""
    head, _, row = statement.rpartition(" VALUES ")
    return f"{head} VALUES {', '.join([_PARAMETER.sub('?', row)] * size)}"


class _Ending:
    """What a batch keeps for its last step; each list grows at its end only, so a piece's share can be cut off."""

    def __init__(self) -> None:
        self.leaves: list[tuple[Leaf, bytes]] = []
        self.receipts: list[tuple[int, int]] = []
        self.decisions: list[tuple[int, int, int]] = []
        self.counted: list[tuple[int, int, int]] = []
        self.stories: list[tuple[int, int, int, int]] = []
        self.others: list[tuple[str, Mapping[str, Any]]] = []
        self.stirred: list[None] = []

    def _lists(self) -> tuple[list[Any], ...]:
        return (
            self.leaves,
            self.receipts,
            self.decisions,
            self.counted,
            self.stories,
            self.others,
            self.stirred,
        )

    def mark(self) -> tuple[int, ...]:
        return tuple(map(len, self._lists()))

    def cut(self, mark: tuple[int, ...]) -> None:
        for kept, length in zip(self._lists(), mark, strict=True):
            del kept[length:]

    def __bool__(self) -> bool:
        return any(self._lists())


class FarHand(Hand):
    """
    A hand for writing to PostgreSQL: what nobody waits for travels with what is asked next, in one round trip.

    `alone`: whether it may wait for a lock. `committing`: whether a COMMIT was sent; what happened then is not known
    when the connection breaks.
    """

    __slots__ = ("_apart", "_ending", "_once", "_spare", "_spoken", "_unsent", "alone", "committing")

    def __init__(
        self, connection: Any, adapted: dict[str, str], spare: Callable[[], Hand], reach: Reach | None = None
    ) -> None:
        super().__init__(connection, connection.cursor(), adapted, reach)
        self._spare = spare
        self._apart: Hand | None = None
        self._unsent: list[tuple[str, Mapping[str, Any], bool]] = []
        self._ending = _Ending()
        self._once: set[tuple[str, str]] = set()
        self._spoken = False
        self.alone = True
        self.committing = False

    def _ask(self, statement: str, parameters: Mapping[str, Any]) -> _Cursor:
        self._unsent.append((statement, parameters, False))
        answer: _Cursor = self._flush()[-1]
        return answer

    def _flush(self) -> list[Any]:
        """Send what waits, together; every answer. Raises what the first of them that failed said."""
        unsent, self._unsent = self._unsent, []
        with nullcontext() if self._reach is None else self._reach.waiting():
            cursors = self._sent(unsent)
        self._spoken = True
        for (_, _, lock), cursor in zip(unsent, cursors, strict=True):
            if lock and cursor.fetchone() == (False,):
                raise Busy
        return cursors

    def put(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        if self._unsent:
            self._flush()
        super().put(table, columns, rows)

    def _sent(self, unsent: Sequence[tuple[str, Mapping[str, Any], bool]]) -> list[Any]:
        connection: Any = self._connection
        if len(unsent) == 1:
            return [connection.execute(self._text(unsent[0][0]), unsent[0][1])]
        with connection.pipeline():
            return [connection.execute(self._text(text), given) for text, given, _ in unsent]

    def send(self, statement: str, /, **parameters: Any) -> None:
        self._unsent.append((statement, parameters, False))

    def add(self, statement: str, /, **parameters: Any) -> None:
        self.send(statement, **parameters)

    def close(self) -> None:
        if self._apart is not None:
            self._apart.close()
        super().close()

    def begin(self) -> None:
        self._unsent = []
        self._ending = _Ending()
        self._once = set()
        self._spoken = self.committing = False
        self.send("BEGIN")

    def abandon(self) -> None:
        """Undo all of the transaction, after something in it failed."""
        self._unsent = []
        self.run("ROLLBACK")

    def mark(self) -> tuple[int | None, ...]:
        """To give back to `undo`."""
        return self._ending.mark()

    def undo(self, mark: tuple[Any, ...]) -> None:
        """Forget what was kept for the last step since, and for which locks the work that failed had asked."""
        self._ending.cut(mark)
        self._unsent = [(statement, given, False) for statement, given, _ in self._unsent]

    def finish(self) -> None:
        """A piece of work is done: were its locks had? Raises Busy if one was not."""
        if any(lock for _, _, lock in self._unsent):
            self._flush()

    def commit(self) -> None:
        """The last step: all that has an order, and the COMMIT, in one go."""
        if not self._spoken:
            # Whether anybody is there is learned before a COMMIT of which it could not be told whether it was done.
            self._flush()
        at = None
        if self._ending:
            at = len(self._unsent)
            self._close_books()
        self.send("COMMIT")
        self.committing = True
        leaves = self._ending.leaves
        cursors = self._flush()
        if at is not None:
            end, _ = cursors[at].fetchone()
            for leaf, _ in leaves:
                leaf.becomes(end - len(leaves) + leaf.place)

    def _close_books(self) -> None:
        ending = self._ending
        taken, changes = len(ending.leaves), len(ending.stories)
        changes = sum(changed for _, _, _, changed in ending.stories)
        self.send(sql.TAKE_NUMBERS, leaves=taken, changes=changes, stirred=int(bool(ending.stirred)))
        if taken:
            self.send(sql.PUT_LEAVES["postgresql"], leaves=taken, bodies=[body for _, body in ending.leaves])
        if ending.receipts:
            numbers, places = zip(*ending.receipts, strict=True)
            self.send(
                sql.NUMBER_RECEIPTS["postgresql"], leaves=taken, numbers=list(numbers), nth=list(places)
            )
        if ending.decisions:
            numbers, seqs, places = zip(*ending.decisions, strict=True)
            self.send(
                sql.NUMBER_DECISIONS["postgresql"],
                leaves=taken,
                numbers=list(numbers),
                seqs=list(seqs),
                nth=list(places),
            )
        if ending.counted:
            counted: dict[int, list[int]] = {}
            for number, replies, branch in ending.counted:
                so_far = counted.setdefault(number, [0, 0])
                so_far[0] += replies
                so_far[1] += branch
            self.send(
                sql.COUNT_COMMENTS["postgresql"],
                numbers=list(counted),
                replies=[replies for replies, _ in counted.values()],
                branches=[branch for _, branch in counted.values()],
            )
        if ending.stories:
            stories: dict[int, list[int]] = {}
            latest = 0
            for story, shown, picked, changed in ending.stories:
                latest += changed
                so_far = stories.setdefault(story, [0, 0, 0, 0])
                so_far[0] += changed
                so_far[1] = latest if changed else so_far[1]
                so_far[2] += shown
                so_far[3] += picked
            self.send(
                sql.CHANGE_STORIES["postgresql"],
                changes=changes,
                stories=list(stories),
                revisions=[one[0] for one in stories.values()],
                numbered=[one[1] for one in stories.values()],
                shown=[one[2] for one in stories.values()],
                picked=[one[3] for one in stories.values()],
            )
        for statement, given in ending.others:
            named = {
                key: taken - value.place if isinstance(value, Leaf) else value for key, value in given.items()
            }
            self.send(statement, **named)
        if changes:
            self.send(sql.NOTIFY["postgresql"])

    # -- among others who write ----------------------------------------------

    def _lock(self, statements: Mapping[str, str], **parameters: Any) -> None:
        kind = "postgresql" if self.alone else "postgresql, in company"
        self._unsent.append((statements[kind], parameters, not self.alone))

    def lock_comment(self, id: str) -> None:
        self._lock(sql.LOCK_COMMENT, id=id)

    def lock_above(self, id: str) -> None:
        self._lock(sql.LOCK_ABOVE, id=id)

    def lock_top(self, number: int) -> None:
        self._lock(sql.LOCK_TOP, number=number)

    def lock_key(self, kind: str, key: str = "", *, once: bool = False) -> None:
        if once:
            if (kind, key) in self._once:
                raise Busy
            self._once.add((kind, key))
        self._lock(sql.LOCK_KEY, key=f"{kind} {key}")

    def apart(self, statement: str, /, **parameters: Any) -> Row | None:
        if self._apart is None:
            self._apart = self._spare()
        return self._apart.apart(statement, **parameters)

    # -- what has an order ----------------------------------------------------

    def leaf(self, body: bytes, *, added: bool = False) -> Leaf:  # noqa: ARG002  (all are put in at the end)
        leaf = Leaf(None, len(self._ending.leaves))
        self._ending.leaves.append((leaf, body))
        return leaf

    def leaves(self, bodies: Sequence[bytes]) -> list[Leaf]:
        return [self.leaf(body) for body in bodies]

    def comment(self, leaf: Leaf, **row: Any) -> int:
        found = self.one(sql.ADD_COMMENT, receipt=self.receipt(leaf), **row)
        assert found is not None
        number = int(found[0])
        self.names_receipt(leaf, number)
        return number

    def receipt(self, leaf: Leaf) -> int:  # noqa: ARG002
        return _UNNUMBERED

    def names_receipt(self, leaf: Leaf, comment: int) -> None:
        self._ending.receipts.append((comment, leaf.place))

    def decided(self, leaf: Leaf, comment: int, seq: int) -> int:
        self._ending.decisions.append((comment, seq, leaf.place))
        return -(comment * _SEQS + seq)

    def counts(self, comment: int, *, replies: int = 0, branch: int = 0) -> None:
        if replies or branch:
            self._ending.counted.append((comment, replies, branch))

    def picks(self, story: int, delta: int) -> None:
        self._ending.stories.append((story, 0, delta, 0))

    def changed(self, story: int, *, shown: int = 0) -> None:
        self._ending.stories.append((story, shown, 0, 1))

    def later(self, statement: str, /, **parameters: Any) -> None:
        self._ending.others.append((statement, parameters))

    def stirs(self) -> None:
        self._ending.stirred.append(None)
