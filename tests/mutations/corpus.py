# SPDX-License-Identifier: LGPL-2.1-or-later
"""Of a corpus: that nothing is lost, nothing done twice, and nothing half."""

from .mutation import Mutation

HOME = "plugins_py/pythonfilter_corpus/"
TESTS = "test_corpus.py"
AGAIN = "test_corpus_again.py"
FAILURES = "test_corpus_failures.py"
TROUBLES = "test_corpus_troubles.py"
OPTIONS = "test_corpus_options.py"
FINISHING = "test_corpus_finishing.py"

CORPUS = (
    Mutation(
        "torn-lines-count",
        HOME + "ledger.py",
        '            whole = text[: text.rfind(b"\\n") + 1]\n',
        "            whole = text\n",
        (f"{FAILURES}::test_a_line_counts_when_it_is_whole",),
    ),
    Mutation(
        "a-line-may-be-written-in-part",
        HOME + "ledger.py",
        "        if os.write(self._file, line) < len(line):\n",
        "        if os.write(self._file, line) < 0:\n",
        (f"{TROUBLES}::test_a_full_disk_is_told_with_what_is_left",),
    ),
    Mutation(
        "an-earlier-work-is-done-for-ever",
        HOME + "ledger.py",
        '        if event is None or self.last[event.get("output", "")]["id"] != name:\n',
        "        if event is None:\n",
        (f"{AGAIN}::test_back_to_what_was_before_is_done_again",),
    ),
    Mutation(
        "an-output-of-any-size-is-there",
        HOME + "plan.py",
        '        return size == int(done["bytes"])\n',
        "        return size >= 0\n",
        (f"{TESTS}::test_only_what_is_not_done_is_done",),
    ),
    Mutation(
        "parameters-are-no-part-of-a-work",
        HOME + "job.py",
        "                    for key, text in sorted(self.parameters.items())\n",
        "                    for key, text in ()\n",
        (f"{TESTS}::test_only_what_is_not_done_is_done",),
    ),
    Mutation(
        "verify-goes-by-the-time",
        HOME + "job.py",
        "    if not verify:\n",
        "    if True:\n",
        (f"{OPTIONS}::test_verify_goes_by_content",),
    ),
    Mutation(
        "inputs-are-overwritten",
        HOME + "plan.py",
        "            if os.path.realpath(path) in inputs:\n",
        "            if False:\n",
        (f"{AGAIN}::test_what_is_read_is_never_written",),
    ),
    Mutation(
        "two-share-what-is-beside-them",
        HOME + "plan.py",
        "        for each in dict.fromkeys((output, beside(output))):\n",
        "        for each in (output,):\n",
        (f"{OPTIONS}::test_two_outputs_never_share_what_is_beside_them",),
    ),
    Mutation(
        "a-file-begins-without-its-claim",
        HOME + "runner.py",
        "        if not holds(*self._claim):\n",
        "        if False:\n",
        (f"{FAILURES}::test_a_chunk_that_was_given_to_another_is_left",),
    ),
    Mutation(
        "an-output-is-put-without-its-claim",
        HOME + "finishing.py",
        "    if not held:\n",
        "    if False:\n",
        (
            f"{TROUBLES}::test_what_another_has_now_is_not_put_into_its_place",
            f"{FINISHING}::test_what_another_has_now_gets_no_name",
        ),
    ),
    Mutation(
        "told-before-it-is-there",
        HOME + "finishing.py",
        "        os.rename(part, place)\n",
        "        open(place, 'w').close()\n",
        (f"{TESTS}::test_only_what_is_not_done_is_done",),
    ),
    Mutation(
        "a-name-before-the-content",
        HOME + "finishing.py",
        "        left = self._each(_sync, left)\n",
        "        left = self._each(_name, self._each(_sync, left)) and []\n",
        (f"{FINISHING}::test_several_share_what_a_disk_does",),
    ),
    Mutation(
        "the-content-is-not-waited-for",
        HOME + "finishing.py",
        "        disk.sync(part)\n",
        "        pass\n",
        (
            f"{FINISHING}::test_it_is_told_when_it_is_whole_has_its_name_and_is_on_the_disk",
        ),
    ),
    Mutation(
        "a-name-after-it-is-told",
        HOME + "finishing.py",
        "        left = self._each(lambda each: _sync_folder(each, folders), left)\n",
        '        self._say(*({"done": each.done} for each in left))\n'
        "        self._each(lambda each: _sync_folder(each, folders), left)\n"
        "        left = []\n",
        (
            f"{FINISHING}::test_it_is_told_when_it_is_whole_has_its_name_and_is_on_the_disk",
        ),
    ),
    Mutation(
        "the-folder-is-not-waited-for",
        HOME + "finishing.py",
        "            disk.sync_folder(path)\n",
        "            pass\n",
        (f"{FINISHING}::test_what_the_disk_does_not_take_is_not_told_as_done",),
    ),
    Mutation(
        "a-folder-that-failed-is-forgotten",
        HOME + "finishing.py",
        "            known[path] = error\n",
        "            pass\n",
        (f"{FINISHING}::test_what_the_disk_does_not_take_is_not_told_as_done",),
    ),
    Mutation(
        "a-new-folder-is-nobodys",
        HOME + "disk.py",
        "    sync_folder(above)\n",
        "",
        (f"{FINISHING}::test_a_new_folder_is_on_the_disk_before_what_is_in_it",),
    ),
    Mutation(
        "each-syncs-its-folder",
        HOME + "finishing.py",
        "    if path not in known:\n",
        "    if True:\n",
        (f"{FINISHING}::test_several_share_what_a_disk_does",),
    ),
    Mutation(
        "any-folder-need-not-be-on-the-disk",
        HOME + "disk.py",
        "        if error.errno not in _NO_FOLDER_SYNC:\n",
        "        if False:\n",
        (f"{FINISHING}::test_a_disk_that_knows_no_fsync_of_folders",),
    ),
    Mutation(
        "one-that-fails-ends-all",
        HOME + "finishing.py",
        "                did.append(output)\n            except Exception as error:",
        "                did.append(output)\n            except KeyError as error:",
        (f"{FINISHING}::test_one_that_fails_leaves_the_others_alone",),
    ),
    Mutation(
        "what-had-ended-comes-again",
        HOME + "tend.py",
        '        todo = [work for work in works if not before.ended(work["id"])]\n',
        "        todo = works\n",
        (f"{FAILURES}::test_a_chunk_that_comes_again_goes_on_where_it_was",),
    ),
    Mutation(
        "a-stalled-disk-is-late",
        HOME + "tend.py",
        "            self._until = math.inf\n",
        "            pass\n",
        (f"{TROUBLES}::test_a_disk_that_stalls_is_no_files_fault",),
    ),
    Mutation(
        "a-runner-that-died-leaves-its-part",
        HOME + "tend.py",
        '        for path in glob.glob(os.path.join(parts, f"*-{unique}-?.part")):\n',
        "        for path in ():\n",
        (f"{OPTIONS}::test_an_error_of_our_own_costs_its_file_and_is_told",),
    ),
    Mutation(
        "a-folder-is-taken-twice",
        HOME + "folder.py",
        "            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            pass\n",
        (f"{TESTS}::test_one_run_at_a_time",),
    ),
    Mutation(
        "failed-but-tried-for-ever",
        HOME + "run.py",
        "        return failures[result.id] <= self.job.retries\n",
        "        return failures[result.id] <= self.job.retries + 1\n",
        (f"{FAILURES}::test_failures_are_told_apart_and_cost_only_themselves",),
    ),
    Mutation(
        "the-old-stays-where-the-new-failed",
        HOME + "run.py",
        "                self._run.set_aside(self._run.works[result.id])\n",
        "                pass\n",
        (f"{TROUBLES}::test_a_failed_file_leaves_no_earlier_output_in_its_place",),
    ),
    Mutation(
        "what-is-somebody-elses-is-taken-away",
        HOME + "run.py",
        "        if made is None or not plan.is_there(self.job.out, work, made):\n",
        "        if made is None:\n",
        (f"{TROUBLES}::test_a_failed_file_leaves_no_earlier_output_in_its_place",),
    ),
    Mutation(
        "somebody-elses-lines-are-removed",
        HOME + "finishing.py",
        '    keeps = output.side or output.work.get("keep")\n',
        "    keeps = output.side\n",
        (f"{AGAIN}::test_a_file_of_somebody_elses_beside_it_stays",),
    ),
    Mutation(
        "nothing-is-a-sound",
        HOME + "pipeline.py",
        "if not self._came or duration == 0:",
        "if False:",
        (f"{TROUBLES}::test_what_is_not_there_fails_alone",),
    ),
    Mutation(
        "what-was-posted-is-not-hidden",
        HOME + "finishing.py",
        "                sides.write(hidden.without(output.lines, self._secrets), file)\n",
        "                sides.write(output.lines, file)\n",
        (f"{OPTIONS}::test_a_secret_is_told_nowhere",),
    ),
    Mutation(
        "quiet-blocks-are-as-loud",
        HOME + "loudness.py",
        "        gate = _power(_level(powers.mean()) + _RELATIVE_GATE)\n",
        "        gate = 0.0\n",
        (f"{TESTS}::test_loudness_is_what_the_standard_says",),
    ),
)
