"""What the log tells of errors: of libraries', of those nobody caught, and of whole chains."""

from __future__ import annotations

import asyncio
import gc
import json
import linecache
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from dbos._logger import init_logger

from tests.unit.logs.scene import GUEST, Configure, Stream, fail, failing, ours, theirs


def chained() -> KeyError:
    """An error with a context that has a cause, a note, and a guest in every message."""
    try:
        try:
            try:
                seat(GUEST)
            except LookupError as error:
                error.add_note(GUEST)
                raise TypeError(GUEST) from error
        except TypeError:
            lose(GUEST)
    except KeyError as error:
        return error
    raise AssertionError("unreachable")


def lose(guest: str) -> None:
    raise KeyError(guest)


def seat(guest: str) -> None:
    raise LookupError(guest)


def test_a_traceback_tells_where_and_what_type_but_no_message(configure: Configure) -> None:
    stream = configure()
    ours().error("workflow_failed", exc_info=chained())
    shown = stream.entry["exception"]
    assert GUEST not in stream.getvalue()
    kinds = [line for line in shown.splitlines() if line.endswith("Error")]
    assert kinds == ["LookupError", "TypeError", "KeyError"]
    assert shown.count("Traceback (most recent call last):") == 3
    assert f'File "{__file__}"' in shown
    assert "in chained" in shown
    assert "raise LookupError(guest)" in shown
    assert "direct cause" in shown
    assert "During handling" in shown


def test_a_traceback_is_told_the_same_on_the_console(configure: Configure) -> None:
    stream = configure("console")
    ours().error("workflow_failed", exc_info=chained())
    assert GUEST not in stream.getvalue()
    assert "\nTraceback (most recent call last):\n" in stream.getvalue()
    assert stream.getvalue().splitlines()[-1] == "KeyError"


def test_every_error_of_a_group_is_told_without_its_message(stream: Stream) -> None:
    group = ExceptionGroup(GUEST, [failing(GUEST), ExceptionGroup(GUEST, [chained()])])
    ours().error("workflow_failed", exc_info=group)
    shown = stream.getvalue()
    assert GUEST not in shown
    for kind in ("ExceptionGroup", "ValueError", "LookupError", "KeyError"):
        assert kind in shown


def test_a_context_that_was_put_aside_stays_aside(configure: Configure) -> None:
    stream = configure()
    error = failing(GUEST)
    error.__context__, error.__suppress_context__ = chained(), True
    ours().error("workflow_failed", exc_info=error)
    assert "KeyError" not in stream.entry["exception"]


def test_errors_that_lead_back_to_themselves_come_to_an_end(configure: Configure) -> None:
    stream = configure()
    first, second = failing(GUEST), chained()
    first.__cause__, second.__context__ = second, first
    ours().error("workflow_failed", exc_info=first)
    assert stream.entry["exception"].splitlines()[-1] == "ValueError"


def test_code_made_of_data_is_not_quoted(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = configure()
    code = f"int('{GUEST}')"
    # What libraries do that make code, so that tracebacks can quote it.
    monkeypatch.setitem(linecache.cache, "<made>", (len(code), None, [code], "<made>"))
    try:
        exec(compile(code, "<made>", "exec"))  # noqa: S102
    except ValueError:
        ours().exception("template_failed")
    assert GUEST not in stream.getvalue()
    assert "<made>" in stream.entry["exception"]


def test_a_library_that_puts_errors_into_words_tells_their_types(stream: Stream) -> None:
    theirs().error(f"Failed: {chained()}", exc_info=chained())
    try:
        lose(GUEST)
    except KeyError as error:
        theirs().error(f"Failed to connect (error: {error}); Retrying...")
        theirs().error(f"Failed to read {error.args[0]}")
        theirs().error(f"Failed with {error!r}")
    try:
        fail(f"no table:\n{GUEST}\nask an operator")
    except ValueError as error:
        theirs().error(f"Failed ({str(error).splitlines()[1]})")
    assert GUEST not in stream.getvalue()
    assert "Failed to connect (error: KeyError); Retrying..." in stream.getvalue()
    assert "Failed with KeyError" in stream.getvalue()
    assert "KeyError(KeyError" not in stream.getvalue()


def test_errors_that_a_library_hands_to_its_log_are_told_by_their_types(stream: Stream) -> None:
    theirs().error(failing(GUEST))
    theirs().error("Failed: %s", failing(GUEST))
    theirs().error("Failed: %(error)s", {"error": failing(GUEST)})
    assert GUEST not in stream.getvalue()
    assert stream.getvalue().count("ValueError") == 3


def test_what_the_operating_system_says_is_told(stream: Stream) -> None:
    try:
        Path("/proc/there/is/none").read_bytes()
    except OSError as error:
        theirs().error(error)
    assert "No such file or directory: '/proc/there/is/none'" in stream.getvalue()


async def _with_guest(guest: str) -> None:
    raise ValueError(guest)


def test_a_task_whose_error_nobody_asked_for_is_told_by_its_name(stream: Stream) -> None:
    async def forget() -> None:
        task = asyncio.create_task(_with_guest(GUEST))
        await asyncio.wait([task])

    asyncio.run(forget())
    gc.collect()
    shown = stream.getvalue()
    assert GUEST not in shown
    assert "Task exception was never retrieved (_with_guest)" in shown
    assert "ValueError" in shown


def test_a_failing_callback_is_told_without_its_arguments(stream: Stream) -> None:
    def greet(guest: str) -> None:
        raise LookupError(guest)

    async def call() -> None:
        asyncio.get_running_loop().call_soon(greet, GUEST)
        await asyncio.sleep(0)

    asyncio.run(call())
    assert GUEST not in stream.getvalue()
    assert "Exception in callback" in stream.getvalue()
    assert "LookupError" in stream.getvalue()


def test_an_error_nobody_caught_ends_the_process_without_its_message() -> None:
    code = (
        "import sys; from bot import logs; logs.configure('json', 'INFO'); "
        "raise ValueError(sys.argv[1])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, GUEST], capture_output=True, text=True, check=False
    )
    entry = json.loads(ended.stderr)
    assert ended.returncode == 1
    assert GUEST not in ended.stderr
    assert (entry["event"], entry["level"]) == ("uncaught_error", "critical")
    assert entry["exception"].splitlines()[-1] == "ValueError"


def test_an_interrupt_is_no_error(configure: Configure) -> None:
    stream = configure()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert stream.getvalue() == "KeyboardInterrupt\n"


def test_an_error_that_ends_a_thread_is_told_without_its_message(stream: Stream) -> None:
    thread = threading.Thread(target=lambda: fail(GUEST), name="store_0")
    thread.start()
    thread.join()
    assert GUEST not in stream.getvalue()
    assert "store_0" in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_an_error_where_nobody_can_catch_it_is_told_without_its_message(stream: Stream) -> None:
    class Room:
        def __del__(self) -> None:
            fail(GUEST)

    Room()
    gc.collect()
    assert GUEST not in stream.getvalue()
    assert "error_out_of_reach" in stream.getvalue()
    assert "Room.__del__" in stream.getvalue()


def test_hooks_of_others_are_left_alone(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hook(_: object) -> None: ...

    monkeypatch.setattr(sys, "unraisablehook", hook)
    monkeypatch.setattr(threading, "excepthook", hook)
    configure()
    assert sys.unraisablehook.__name__ == threading.excepthook.__name__ == "hook"


def test_the_engines_log_goes_the_same_way(configure: Configure) -> None:
    stream = configure()
    init_logger()  # what the engine does when it starts
    try:
        fail(GUEST)
    except ValueError as error:
        theirs("dbos").error(f"Exception encountered: {error}\nmore", exc_info=error)
    theirs("dbos").error("")
    first, second = stream.entries
    assert first["event"] == "Exception encountered: ValueError (ValueError)"
    assert "exception" not in first
    assert second["event"] == ""
