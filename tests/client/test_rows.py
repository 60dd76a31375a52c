"""What commands use of the API's answers is what the API says of itself."""

from __future__ import annotations

from types import ModuleType
from typing import Any, get_args, get_type_hints, is_typeddict

import pytest
from pydantic import BaseModel

from nightcrew.checks import answers as checks_say
from nightcrew.checks import rows as checks
from nightcrew.cli import rows as kernel
from nightcrew.client import following
from nightcrew.movies.catalogue import answers as catalogue_answers
from nightcrew.movies.catalogue import rows as catalogue_rows
from nightcrew.movies.handover import answers as handover_answers
from nightcrew.movies.handover import rows as handover_rows
from nightcrew.movies.quality import answers as quality_answers
from nightcrew.movies.quality import rows as quality_rows
from nightcrew.movies.sources import answers as source_answers
from nightcrew.movies.sources import rows as source_rows
from nightcrew.music import answers as music_says
from nightcrew.music import match_answers
from nightcrew.music import rows as music
from nightcrew.playlists import answers as playlists_say
from nightcrew.playlists import rows as playlists
from nightcrew.recordings import answers as recordings_say
from nightcrew.recordings import rows as recordings
from nightcrew.web import answers as kernel_says
from nightcrew.web import connections_api, routes_api

ANSWERS: dict[type[Any], tuple[type[BaseModel], ...]] = {
    checks.CheckJson: (checks_say.CheckRow,),
    checks.CheckRunJson: (checks_say.RunRow,),
    checks.FoundJson: (checks_say.CheckRow, checks_say.StreamStanding),
    following.JobJson: (kernel_says.JobRow,),
    kernel.ConnectionJson: (connections_api.ConnectionRow,),
    kernel.ConnectionTestedJson: (connections_api.TestedRow, routes_api.RouteTestedRow),
    kernel.RouteJson: (routes_api.RouteRow,),
    kernel.EntryJson: (kernel_says.ActivityRow,),
    kernel.KindJson: (connections_api.KindRow,),
    kernel.StateJson: (kernel_says.JobRow, kernel_says.WorkerRow),
    kernel.TargetJson: (kernel_says.TargetRow,),
    kernel.TestedJson: (kernel_says.TargetTested, connections_api.TestedRow),
    catalogue_rows.EpisodeJson: (catalogue_answers.EpisodeRow,),
    catalogue_rows.ListRemovalJson: (catalogue_answers.ListRemoval,),
    catalogue_rows.MediaListJson: (catalogue_answers.ListRow,),
    catalogue_rows.MovieDetailJson: (catalogue_answers.MovieDetail,),
    catalogue_rows.MovieJson: (catalogue_answers.MovieRow,),
    catalogue_rows.SeasonJson: (catalogue_answers.SeasonRow,),
    catalogue_rows.ShowDetailJson: (catalogue_answers.ShowDetail,),
    catalogue_rows.ShowJson: (catalogue_answers.ShowRow,),
    handover_rows.AllowedJson: (handover_answers.AllowedAnswer,),
    handover_rows.BlockedJson: (handover_answers.BlockedRow,),
    handover_rows.FetchPlanJson: (handover_answers.FetchPlanAnswer,),
    handover_rows.GiveUpJson: (handover_answers.GiveUpAnswer,),
    handover_rows.HandoverJson: (handover_answers.HandoverRow,),
    handover_rows.PlannedFetchJson: (handover_answers.PlannedFetchRow,),
    quality_rows.ImportedJson: (quality_answers.ImportedAnswer,),
    source_rows.IndexerJson: (connections_api.ConnectionRow,),
    source_rows.IndexerTestedJson: (connections_api.TestedRow,),
    source_rows.MovieSourceJson: (source_answers.MovieSourceRow,),
    quality_rows.ProfileJson: (quality_answers.ProfileAnswer,),
    source_rows.RankPartJson: (source_answers.RankPartAnswer,),
    source_rows.SampleJson: (source_answers.SampleRow,),
    source_rows.SearchJson: (source_answers.SearchRow,),
    source_rows.SearchedJson: (source_answers.SearchedAnswer,),
    source_rows.SourcesJson: (source_answers.SourcesAnswer,),
    source_rows.TaskJson: (source_answers.TaskRow,),
    music.AutosyncJson: (music_says.AutosyncAnswer,),
    music.DecisionJson: (match_answers.DecisionAnswer,),
    music.DownloadJson: (music_says.DownloadRow,),
    music.ListJson: (music_says.ListAnswer,),
    music.MatchJson: (match_answers.MatchAnswer,),
    music.OfferJson: (music_says.OfferRow,),
    music.RefusalJson: (match_answers.RefusalAnswer,),
    music.WantedDetailJson: (music_says.WantedDetail,),
    music.WantedJson: (music_says.WantedRow,),
    playlists.ChannelJson: (playlists_say.ChannelRow,),
    playlists.FeedJson: (playlists_say.FeedRow,),
    playlists.JobsJson: (playlists_say.JobsStarted,),
    playlists.SourceJson: (playlists_say.SourceRow,),
    recordings.DeletedJson: (recordings_say.DeletedRow, recordings_say.DeletionAnswer),
    recordings.DetailJson: (recordings_say.RecordingDetail,),
    recordings.FilmJson: (recordings_say.FilmAnswer,),
    recordings.StreamJson: (recordings_say.StreamAnswer,),
    recordings.GapJson: (recordings_say.GapAnswer,),
    recordings.LedgerJson: (recordings_say.LedgerAnswer,),
    recordings.PartJson: (recordings_say.PartAnswer,),
    recordings.RecordingJson: (recordings_say.RecordingRow,),
    recordings.RetentionJson: (recordings_say.RetentionList, recordings_say.RetentionAnswer),
    recordings.SpanJson: (recordings_say.PartAnswer, recordings_say.GapAnswer),
    recordings.AccessJson: (recordings_say.AccessAnswer,),
    recordings.WatchJson: (recordings_say.WatchRow,),
}


@pytest.mark.parametrize(
    ("used", "said"),
    [(used, said) for used, answers in ANSWERS.items() for said in answers],
    ids=lambda one: one.__name__,
)
def test_every_field_that_is_used_is_one_of_the_answer(used: type[Any], said: type[BaseModel]) -> None:
    for name, wanted in get_type_hints(used).items():
        field = next((f for key, f in said.model_fields.items() if name in {key, f.alias}), None)
        assert field is not None, f"{said.__name__} has no {name}"
        if wanted is not Any and _may_be_none(field.annotation):
            assert _may_be_none(wanted), f"{name} may be null"


def _may_be_none(annotation: Any) -> bool:
    return type(None) in get_args(annotation)


MODULES = [catalogue_rows, checks, handover_rows, kernel, music, playlists, quality_rows, recordings, source_rows]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_no_row_is_left_out(module: ModuleType) -> None:
    declared = {value for value in vars(module).values() if is_typeddict(value)}
    assert declared <= set(ANSWERS)
