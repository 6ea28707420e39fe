"""The twenty task families, a file each."""

from collections.abc import Mapping

from localnpm.evals.habits.families.add_contact import AddContact
from localnpm.evals.habits.families.add_todo import AddTodo
from localnpm.evals.habits.families.clean_temp import CleanTemp
from localnpm.evals.habits.families.compare_files import CompareFiles
from localnpm.evals.habits.families.done_todo import DoneTodo
from localnpm.evals.habits.families.file_document import FileDocument
from localnpm.evals.habits.families.from_template import FromTemplate
from localnpm.evals.habits.families.journal import Journal
from localnpm.evals.habits.families.list_kind import ListKind
from localnpm.evals.habits.families.log_expense import LogExpense
from localnpm.evals.habits.families.look_up import LookUp
from localnpm.evals.habits.families.make_index import MakeIndex
from localnpm.evals.habits.families.merge_files import MergeFiles
from localnpm.evals.habits.families.move_ext import MoveExt
from localnpm.evals.habits.families.remove_file import RemoveFile
from localnpm.evals.habits.families.replace_text import ReplaceText
from localnpm.evals.habits.families.set_config import SetConfig
from localnpm.evals.habits.families.sum_amounts import SumAmounts
from localnpm.evals.habits.families.tidy_name import TidyName
from localnpm.evals.habits.families.write_note import WriteNote
from localnpm.evals.habits.task import Task

FAMILIES: tuple[type[Task], ...] = (
    SetConfig,
    FileDocument,
    TidyName,
    AddTodo,
    DoneTodo,
    WriteNote,
    RemoveFile,
    MergeFiles,
    LogExpense,
    LookUp,
    ListKind,
    MakeIndex,
    SumAmounts,
    CleanTemp,
    FromTemplate,
    Journal,
    MoveExt,
    CompareFiles,
    ReplaceText,
    AddContact,
)
"""In the order in which documents and episodes draw them."""

BY_NAME: Mapping[str, type[Task]] = {family.name: family for family in FAMILIES}
