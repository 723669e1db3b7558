//! What becomes of a command whose output nobody reads to the end, such as `cistern import … | head -1`.

use std::{
    fs, io,
    process::{Command, ExitStatus},
};

use tempfile::TempDir;

/// Runs `cistern import --dry-run` on files with these contents, and writes into a pipe that nobody reads.
fn import_into_a_closed_pipe(contents: &[&str]) -> ExitStatus {
    let folder = TempDir::new().unwrap();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cistern"));
    command.args(["import", "--dry-run"]).stdout(writer);
    for (index, content) in contents.iter().enumerate() {
        let path = folder.path().join(format!("{index}.ndjson"));
        fs::write(&path, content).unwrap();
        command.arg(path);
    }

    command.status().unwrap()
}

#[test]
fn a_command_goes_through_all_files_although_nobody_reads_of_the_first() {
    let good = r#"{"event":"login"}"#;

    for (contents, code) in [
        (&[good, good][..], 0),
        // Only who reads the last file knows that something in it is rejected.
        (&[good, good, "not JSON"][..], 3),
    ] {
        let status = import_into_a_closed_pipe(contents);
        assert_eq!(status.code(), Some(code), "{contents:?}");
    }
}

#[test]
fn a_command_that_only_prints_ends_quietly() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);

    let output = Command::new(env!("CARGO_BIN_EXE_cistern"))
        .args(["completions", "bash"])
        .stdout(writer)
        .output()
        .unwrap();

    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}
