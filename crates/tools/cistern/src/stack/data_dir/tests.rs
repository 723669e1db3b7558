use std::os::unix::fs::symlink;

use super::*;

fn empty() -> (tempfile::TempDir, DataDir) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::resolve(Some(folder.path())).unwrap();
    (folder, data_dir)
}

#[test]
fn is_owned_by_one_process_at_a_time() {
    let (_folder, data_dir) = empty();
    assert!(!data_dir.is_owned().unwrap());

    let ownership = data_dir.try_own().unwrap().expect("nobody owns it yet");

    assert!(data_dir.is_owned().unwrap());
    assert!(data_dir.try_own().unwrap().is_none());
    drop(ownership);
    assert!(!data_dir.is_owned().unwrap());
}

#[test]
fn wiping_leaves_neither_data_nor_password() {
    let (_folder, data_dir) = empty();
    data_dir.create().unwrap();
    fs::create_dir(data_dir.postgres()).unwrap();
    fs::write(data_dir.postgres_password(), "secret").unwrap();
    fs::write(data_dir.emulator().join("object"), "raw").unwrap();

    data_dir.wipe().unwrap();

    assert!(!data_dir.postgres().exists());
    assert!(!data_dir.postgres_password().exists());
    assert_eq!(fs::read_dir(data_dir.emulator()).unwrap().count(), 0);
    data_dir.wipe().unwrap();
}

#[test]
fn private_files_are_private_and_replace_what_was_there() {
    let (folder, _) = empty();
    let path = folder.path().join("stack.json");
    fs::write(&path, "old").unwrap();

    write_private(&path, b"new").unwrap();

    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Everything under `folder` that is not a link, with its permissions.
fn permissions(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_symlink() {
            continue;
        }
        if metadata.is_dir() {
            waiting.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        found.push((path, metadata.permissions().mode() & 0o777));
    }
    found
}

fn open_to_all(path: &Path, is_folder: bool) {
    if is_folder {
        fs::create_dir_all(path).unwrap();
    } else {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "secret").unwrap();
    }
    let mode = if is_folder { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn what_an_older_version_left_readable_is_restricted_by_up_and_by_down() {
    for is_up in [true, false] {
        let (folder, data_dir) = empty();
        let elsewhere = tempfile::tempdir().unwrap();
        open_to_all(elsewhere.path(), true);
        open_to_all(&data_dir.emulator().join("state"), true);
        for file in [
            data_dir.emulator().join("state/secretsmanager.json"),
            data_dir.emulator().join("s3/0/events/raw/x"),
            data_dir
                .lake_copy()
                .join("lake/product_events/dt=2026-01-01/part-1.parquet"),
            data_dir.log("emulator"),
            data_dir.ports_json(),
            data_dir.path().join("lake.lock"),
        ] {
            open_to_all(&file, false);
        }
        let program = data_dir.build().join("bootstrap");
        open_to_all(&program, false);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(elsewhere.path(), data_dir.emulator().join("link")).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();

        if is_up {
            data_dir.create().unwrap();
        } else {
            crate::stack::down::stop(&data_dir).await.unwrap();
        }

        for (path, mode) in permissions(folder.path()) {
            let expected = if path.is_dir() || path == program {
                0o700
            } else {
                0o600
            };
            assert!(mode == expected, "{} {mode:o}", path.display());
        }
        let elsewhere = fs::metadata(elsewhere.path()).unwrap();
        assert_eq!(elsewhere.permissions().mode() & 0o777, 0o755);
    }
}
