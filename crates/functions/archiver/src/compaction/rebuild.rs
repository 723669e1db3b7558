//! A manifest that cannot be read is rebuilt from the listing and the states of compacted days.
//!
//! Queries read every version of the manifest, so a broken one fails them and the compactor. It is moved to `rejected/`. Its content
//! follows from the states of the days: a part that is in a compacted file is hidden; if all parts of a file are still listed, the
//! file is hidden instead, for another grace period.

use std::collections::{BTreeMap, BTreeSet};

use lake_schema::{
    FileId,
    layout::{FileKind, LakeFile},
};
use time::{Date, OffsetDateTime};
use tracing::warn;

use super::{
    error::CompactionError,
    set_aside::{Reason, set_file_aside, set_object_aside},
};
use crate::{
    Deps,
    lake_store::{BrokenManifest, DayState, LakeStore, ManifestVersions},
    manifest::{Compaction, Manifest, Phase},
};

/// The latest manifest, rebuilt if it cannot be read.
pub(super) async fn read_manifest(
    deps: &Deps,
    store: &LakeStore,
) -> Result<ManifestVersions, CompactionError> {
    let now = (deps.clock)();
    let ManifestVersions { latest, replaced } = store
        .read_manifest(now - deps.config.policy.query_grace_period)
        .await?;
    let latest = match latest {
        Ok(manifest) => manifest,
        Err(broken) => rebuild(deps, store, &broken, now).await?,
    };
    Ok(ManifestVersions { latest, replaced })
}

async fn rebuild(
    deps: &Deps,
    store: &LakeStore,
    broken: &BrokenManifest,
    now: OffsetDateTime,
) -> Result<Manifest, CompactionError> {
    warn!(
        key = broken.name.key,
        "manifest cannot be read and is rebuilt"
    );
    let files: Vec<LakeFile> = store.list_files().await?.into_keys().collect();
    let days: BTreeSet<Date> = files.iter().map(|file| file.day).collect();
    let mut states = BTreeMap::new();
    for day in days {
        let (state, _) = store.read_day(day).await?;
        states.extend(state.map(|state| (day, state)));
    }
    let Rebuilt {
        mut manifest,
        unfinished,
    } = rebuilt(&files, &states, now);
    // Before the manifest that no longer hides them.
    let reason = Reason {
        code: "unfinished_file",
        detail: "a run wrote the file and was interrupted, and the manifest that hid it is broken; its parts are merged again".to_owned(),
    };
    for file in unfinished {
        set_file_aside(deps, store, file, &reason).await?;
    }
    manifest.version = broken.version;
    store
        .write_manifest(manifest.encode_next(now.date()))
        .await?;
    let reason = Reason {
        code: "broken_manifest",
        detail: function_kit::chain(&*broken.error).to_string(),
    };
    let kept_as = format!("{}-files-{}.ndjson", store.table, broken.version);
    set_object_aside(deps, store, &broken.name, now.date(), &kept_as, &reason).await?;
    Ok(manifest)
}

/// What follows from the listing and the states of days.
#[derive(Debug, PartialEq, Eq)]
struct Rebuilt {
    /// Without a version.
    manifest: Manifest,
    /// Compacted files that no state names. The manifest hid them.
    unfinished: Vec<LakeFile>,
}

fn rebuilt(files: &[LakeFile], states: &BTreeMap<Date, DayState>, now: OffsetDateTime) -> Rebuilt {
    let mut manifest = Manifest::default();
    let mut unfinished = Vec::new();
    // Parts that are in compacted files, by those files.
    let mut parts: BTreeMap<(Date, FileId), Vec<LakeFile>> = BTreeMap::new();
    for file in files {
        let state = states.get(&file.day);
        match file.kind {
            FileKind::Part { .. } => {
                if let Some(output) = state.and_then(|state| state.parts.get(&file.id)) {
                    parts.entry((file.day, *output)).or_default().push(*file);
                }
            }
            FileKind::CompactedDay | FileKind::MonthlyCopy => {
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
        // A running query may not have listed a file that has just been written, so its parts stay visible a while longer, if possible.
        if are_listed && ids.len() == all && !manifest.days.contains_key(&day) {
            let compaction = Compaction {
                phase: Phase::Written,
                since: now,
                output,
                inputs,
            };
            manifest.days.insert(day, compaction);
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
    fn a_part_or_its_compacted_file_is_hidden_and_never_both() {
        let part = |name, at| file(FileKind::Part { at }, name);
        let [day, next] = [DAY, date!(2026 - 03 - 02)];
        let [a, b, new] = [part("a", day), part("b", next), part("c", next)];
        let [first, second, unknown] =
            ["x", "y", "z"].map(|name| file(FileKind::CompactedDay, name));
        let state = DayState {
            output: second.id,
            compacted_at: datetime!(2026-03-02 04:00 UTC),
            row_count: 2,
            parts: [(a.id, first.id), (b.id, second.id)].into(),
        };
        let states = [(DAY, state.clone())].into();
        let files = [a, b, new, first, second, unknown];

        // Both parts are listed: one compacted file waits, and the parts of the other are hidden.
        let all = rebuilt(&files, &states, datetime!(2026-03-02 12:00 UTC));
        assert_eq!(all.unfinished, [unknown]);
        assert_eq!(all.manifest.days.len() + all.manifest.merged.len(), 2);
        // The first part is not listed any more, so it must not be shown instead of its file.
        let late = rebuilt(&files, &states, datetime!(2026-03-03 00:00 UTC));
        assert_eq!(late.manifest.merged, [a].into());
        assert_eq!(late.manifest.days[&DAY].inputs, [b]);
        // One part of the file does not exist any more, so the others are not shown instead of it.
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
