"""Going from page to page: keys, Enter and Esc, commands, the mouse, remapped keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.driving import driving


@pytest.mark.parametrize(("key", "page"), [("2", "gpus"), ("7", "services"), ("8", "sources"), ("9", "heat")])
async def test_number_opens_a_page_and_escape_leaves_it(tmp_path: Path, key: str, page: str) -> None:
    """Every numbered page is one key away, and home is one escape away."""
    async with driving(tmp_path) as drive:
        await drive.press(key)
        await drive.until(lambda: page == drive.app.page_id)

        await drive.press("escape")

        await drive.until(lambda: "home" == drive.app.page_id)


async def test_enter_goes_in_and_escape_out(tmp_path: Path) -> None:
    """From home into the chosen GPU, to its node, and back the same way."""
    async with driving(tmp_path) as drive:
        await drive.press("down", "enter")
        await drive.until(lambda: "gpu" == drive.app.page_id)
        await drive.press("n")
        await drive.until(lambda: "node" == drive.app.page_id)

        await drive.press("escape", "escape")

        await drive.until(lambda: "home" == drive.app.page_id)


async def test_chosen_gpu_is_chosen_on_the_next_page(tmp_path: Path) -> None:
    """The cursor of the grid is the cursor of the list."""
    async with driving(tmp_path) as drive:
        await drive.press("end")
        await drive.until(lambda: drive.app.chosen() == ("gpu-02", 7))

        await drive.press("2")
        await drive.until(lambda: "gpus" == drive.app.page_id)

        await drive.until(lambda: drive.app.chosen() == ("gpu-02", 7))


async def test_gpu_page_shows_every_value_with_unit_source_and_age(tmp_path: Path) -> None:
    """Values, processes, errors, links: what a source said of the GPU is there."""
    async with driving(tmp_path, None, (200, 60)) as drive:
        await drive.type(":gpu gpu-01/0")

        await drive.shows("GPU-00000001-0000-0000-0000-000000000000")
        row = drive.line("mem clock")
        assert ["2619", "MHz", "1.2 s", "exporter-gpu-01"] == [one for one in _words(row) if one in _WANTED]
        for words in ("python3 -m torch.distributed.run", "Xid 94", "gen 5 of 5", "18 up", "ECC corrected"):
            assert words in drive.text


_WANTED = ("2619", "MHz", "1.2 s", "exporter-gpu-01")


def _words(row: str) -> list[str]:
    """The cells of a table's row."""
    return [word.strip("│ ") for word in row.replace("│", "  ").split("  ") if word.strip("│ ")]


async def test_siblings_go_round(tmp_path: Path) -> None:
    """The keys k and j walk the GPUs in order, round the ends."""
    async with driving(tmp_path) as drive:
        await drive.type(":gpu gpu-01/0")
        await drive.press("k")
        await drive.until(lambda: drive.app.chosen() == ("gpu-02", 7))

        await drive.press("j")

        await drive.until(lambda: drive.app.chosen() == ("gpu-01", 0))
        assert 2 == len(drive.app.screen_stack)


async def test_small_screen_shows_one_part_at_a_time(tmp_path: Path) -> None:
    """At 80×24 space turns the GPU page's parts over."""
    async with driving(tmp_path, None, (80, 24)) as drive:
        await drive.type(":gpu gpu-01/0")
        await drive.shows("Values")
        assert "Processes" not in drive.text

        await drive.press("space")

        await drive.shows("Processes")
        assert "Values" not in drive.text


async def test_sliced_gpu_lists_its_slices(tmp_path: Path) -> None:
    """MIG slices stand on their GPU's page, and nowhere as GPUs."""
    async with driving(tmp_path, None, (160, 50)) as drive:
        assert "15/16" in drive.line("lab")
        await drive.type(":gpu gpu-02/6")

        await drive.shows("2g.20gb")
        assert 3 == drive.text.count("2g.20gb")


async def test_node_page_counts_seen_against_expected(tmp_path: Path) -> None:
    """A node that misses a GPU says how many of how many are seen."""
    async with driving(tmp_path) as drive:
        await drive.type(":node gpu-01")

        await drive.shows("7 of 8 seen")
        assert "exporter-gpu-01" in drive.text
        assert "load 1 m" in drive.text


async def test_sources_page_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    """The source that is down comes with its reason; the store with its health."""
    async with driving(tmp_path, None, (120, 40)) as drive:
        await drive.type(":sources")
        await drive.app.workers.wait_for_complete()

        await drive.shows("connection refused by gpu-03:9100; is the exporter running there?")
        assert "380 failures in a row" in drive.text
        await drive.shows("18.4 M samples over 24 h 00")


async def test_services_page_shows_the_model_server(tmp_path: Path) -> None:
    """Running, waiting, KV cache, tokens and the time to the first token, each in its unit."""
    async with driving(tmp_path) as drive:
        await drive.type(":services")

        await drive.shows("1,843 tok/s")
        row = drive.line("1,843 tok/s")
        assert all(words in row for words in ("14", "3", "62 %"))
        assert all(words in drive.text for words in ("214 ms", "12 ms"))


async def test_list_is_sorted_filtered_and_takes_columns(tmp_path: Path) -> None:
    """`:sort`, `/` and `:columns` shape the list of GPUs."""
    async with driving(tmp_path) as drive:
        await drive.type(":gpus")
        await drive.type(":sort -temperature")
        await drive.until(lambda: drive.app.view.sort == "temperature")
        first = next(line for line in drive.text.splitlines() if "gpu-0" in line)
        assert "gpu-02/2" in first

        await drive.type(":columns gpu,uuid")
        await drive.shows("GPU-00000001-0000-0000-0000-000000000000")
        await drive.type("/gpu-02")

        await drive.until(lambda: "gpu-01/" not in drive.text)


async def test_click_chooses_and_a_double_click_opens(tmp_path: Path) -> None:
    """The mouse does what arrows and Enter do."""
    async with driving(tmp_path) as drive:
        row = drive.text.splitlines().index(drive.line("lost 15:59:19"))
        await drive.pilot.click(offset=(10, row))
        await drive.until(lambda: drive.app.chosen() == ("gpu-01", 5))

        await drive.pilot.click(offset=(10, row), times=2)

        await drive.until(lambda: "gpu" == drive.app.page_id)


async def test_click_on_the_key_bar_presses_the_key(tmp_path: Path) -> None:
    """A word of the key bar is a button."""
    async with driving(tmp_path) as drive:
        bar = drive.text.splitlines()[-1]

        await drive.pilot.click("#keys", offset=(bar.index("sources"), 0))

        await drive.until(lambda: "sources" == drive.app.page_id)


async def test_remapped_key_works_and_is_shown(tmp_path: Path) -> None:
    """The keymap file changes the key, the key bar and the help; a mistake in it is told."""
    (tmp_path / "keymap.toml").write_text('[keys]\n"page.sources" = "f5"\nnonsense = "x"\n')

    async with driving(tmp_path) as drive:
        assert "f5 sources" in drive.text
        await drive.shows("no action is called 'nonsense'")
        await drive.press("8")
        assert "home" == drive.app.page_id

        await drive.press("f5")

        await drive.until(lambda: "sources" == drive.app.page_id)


async def test_help_is_of_the_page_it_was_asked_from(tmp_path: Path) -> None:
    """`?` explains the keys of where one is."""
    async with driving(tmp_path, None, (200, 60)) as drive:
        await drive.type(":gpus")
        await drive.press("question_mark")
        await drive.shows("Sort by the next column.")

        await drive.press("escape")

        await drive.until(lambda: "gpus" == drive.app.page_id)


async def test_palette_finds_an_action_by_its_words(tmp_path: Path) -> None:
    """Ctrl+P, a few letters, Enter."""
    async with driving(tmp_path) as drive:
        await drive.press("ctrl+p", *"model serv")
        await drive.shows("Model servers")
        await drive.pilot.pause(0.3)
        await drive.press("enter", "enter")

        await drive.until(lambda: "services" == drive.app.page_id)
