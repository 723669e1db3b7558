//! A manifest that cannot be read is made again, of the files that there are and of what is known about closed days.
//!
//! Queries read every version of the manifest, so a broken one fails them, as it fails the compactor. It is set aside. What it said is
//! found out from the states of the days: a part that is in a closed file is hidden, or, where all parts of a file are still
//! listed, the file is, for another settling time.

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile},
};
use time::{Date, OffsetDateTime};
use tracing::warn;

use super::{
    CloseError,
    manifest::{Compaction, Manifest, Phase, version_after},
    set_aside::{Reason, set_file_aside, set_object_aside},
};
use crate::{
    Deps,
    lake_store::{BrokenManifest, DayState, LakeStore},
};

/// The latest manifest, and the keys of the versions before it that no query lists any more.
pub(super) async fn read_manifest(
    deps: &Deps,
    stored: &LakeStore,
) -> Result<(Manifest, Vec<String>), CloseError> {
    let now = (deps.clock)();
    let (manifest, replaced) = stored
        .read_manifest(now - deps.config.policy.query_grace_period)
        .await?;
    match manifest {
        Ok(manifest) => Ok((manifest, replaced)),
        Err(broken) => Ok((rebuild(deps, stored, &broken, now).await?, replaced)),
    }
}

async fn rebuild(
    deps: &Deps,
    stored: &LakeStore,
    broken: &BrokenManifest,
    now: OffsetDateTime,
) -> Result<Manifest, CloseError> {
    warn!(
        key = broken.name.key,
        "the manifest cannot be read and is made again"
    );
    let files: Vec<LakeFile> = stored.list_files().await?.into_keys().collect();
    let days: BTreeSet<Date> = files.iter().map(|file| file.day).collect();
    let mut states = BTreeMap::new();
    for day in days {
        let (state, _) = stored.read_day(day).await?;
        states.extend(state.map(|state| (day, state)));
    }
    let Rebuilt {
        mut manifest,
        unfinished,
    } = rebuilt(&files, &states, now);
    // Before the manifest that no longer hides them.
    let reason = Reason {
        code: "unfinished_file",
        detail: "a run wrote the file and was cut off, and the manifest that hid it is broken; its parts are merged again".to_owned(),
    };
    for file in unfinished {
        set_file_aside(deps, stored, file, &reason).await?;
    }
    manifest.version = version_after(broken.version, now.date());
    stored.write_manifest(&manifest).await?;
    let reason = Reason {
        code: "broken_manifest",
        detail: function_kit::chain(&*broken.error).to_string(),
    };
    let kept_as = format!("{}-files-{}.ndjson", stored.table, broken.version);
    set_object_aside(deps, stored, &broken.name, now.date(), &kept_as, &reason).await?;
    Ok(manifest)
}

/// What is known without the manifest.
#[derive(Debug, PartialEq, Eq)]
struct Rebuilt {
    /// Without a version.
    manifest: Manifest,
    /// Closed files of which nothing is known. The manifest hid them.
    unfinished: Vec<LakeFile>,
}

fn rebuilt(files: &[LakeFile], states: &BTreeMap<Date, DayState>, now: OffsetDateTime) -> Rebuilt {
    let mut manifest = Manifest::default();
    let mut unfinished = Vec::new();
    // Parts that are in closed files, by those files.
    let mut parts: BTreeMap<(Date, FileId), Vec<LakeFile>> = BTreeMap::new();
    for file in files {
        let state = states.get(&file.day);
        match file.kind {
            FileKind::Part { .. } => {
                if let Some(output) = state.and_then(|state| state.parts.get(&file.id)) {
                    parts.entry((file.day, *output)).or_default().push(*file);
                }
            }
            FileKind::ClosedDay | FileKind::ClosedMonth => {
                let is_known = state.is_some_and(|state| {
                    state.output == file.id || state.parts.values().any(|id| *id == file.id)
                });
                if !is_known {
                    unfinished.push(*file);
                }
            }
        }
    }
    for ((day, output), mut inputs) in parts {
        inputs.sort_unstable();
        let all = states.get(&day).map_or(0, |state| {
            state.parts.values().filter(|id| **id == output).count()
        });
        let ids: BTreeSet<FileId> = inputs.iter().map(|input| input.id).collect();
        let are_listed = inputs
            .iter()
            .all(|input| input.listed_until().is_some_and(|end| now < end));
        // Queries may not have listed a file that has just been written, so its parts are shown a while longer, if they can be.
        if are_listed && ids.len() == all && !manifest.days.contains_key(&day) {
            let closing = Compaction {
                phase: Phase::Written,
                since: now,
                output,
                inputs,
            };
            manifest.days.insert(day, closing);
        } else {
            manifest.merged.extend(inputs);
        }
    }
    Rebuilt {
        manifest,
        unfinished,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{date, datetime};

    use super::*;

    const DAY: Date = date!(2026 - 03 - 01);

    fn file(kind: FileKind, name: &str) -> LakeFile {
        LakeFile {
            day: DAY,
            kind,
            id: FileId::of_part("t", DAY, name),
        }
    }

    #[test]
    fn parts_in_closed_files_are_hidden_or_shown_in_place_of_them_and_never_both() {
        let part = |name, at| file(FileKind::Part { at }, name);
        let [day, next] = [DAY, date!(2026 - 03 - 02)];
        let [a, b, new] = [part("a", day), part("b", next), part("c", next)];
        let [first, second, unknown] = ["x", "y", "z"].map(|name| file(FileKind::ClosedDay, name));
        let state = DayState {
            output: second.id,
            closed_at: datetime!(2026-03-02 04:00 UTC),
            row_count: 2,
            parts: [(a.id, first.id), (b.id, second.id)].into(),
        };
        let states = [(DAY, state.clone())].into();
        let files = [a, b, new, first, second, unknown];

        // Both parts are listed: one closed file waits, and the parts of the other are hidden.
        let all = rebuilt(&files, &states, datetime!(2026-03-02 12:00 UTC));
        assert_eq!(all.unfinished, [unknown]);
        assert_eq!(all.manifest.days.len() + all.manifest.merged.len(), 2);
        // The first one is listed no more, so it must not be what stands for its file.
        let late = rebuilt(&files, &states, datetime!(2026-03-03 00:00 UTC));
        assert_eq!(late.manifest.merged, [a].into());
        assert_eq!(late.manifest.days[&DAY].inputs, [b]);
        // A part of a file is gone, so the others do not stand for it.
        let mut state = state;
        state
            .parts
            .insert(FileId::of_part("t", DAY, "gone"), second.id);
        let partly = rebuilt(
            &files,
            &[(DAY, state)].into(),
            datetime!(2026-03-03 00:00 UTC),
        );
        assert_eq!(partly.manifest.merged, [a, b].into());
        assert_eq!(partly.manifest.days, BTreeMap::new());
    }
}
