//! A test about all commands that commands print: each means the stack that the printing one was given.

use std::{fs, path::Path};

use clap::{Command, CommandFactory as _};

use crate::cli::Cli;

/// What is printed as a name and not to be run, or is about files.
const WITHOUT_A_STACK: [&str; 6] = [
    "cistern send FILE",
    "cistern forward --dry-run FILE",
    // For the stack that is about to be replaced by one that is up.
    "cistern up",
    "cistern tools",
    // Said in the page that it serves.
    "cistern open` again",
    // The name under which it connects to Postgres.
    "cistern send\")",
];

/// The names of the commands that take `--stack` or `--data-dir`, with those above them.
fn targeted(command: &Command, above: &str, names: &mut Vec<String>) {
    for sub in command.get_subcommands() {
        let name = format!("{above} {}", sub.get_name());
        let has_target = sub
            .get_arguments()
            .any(|argument| matches!(argument.get_long(), Some("stack" | "data-dir")));
        if has_target {
            names.push(name.clone());
        }
        targeted(sub, &name, names);
    }
}

/// The texts of a source file: without its tests, its comments and the texts of the help.
fn shown(source: &str) -> Vec<&str> {
    let code = source.split("\n#[cfg(test)]").next().unwrap_or_default();
    let mut lines = Vec::new();
    let mut is_attribute = false;
    for line in code.lines() {
        let text = line.trim();
        is_attribute |= text.starts_with("#[command(");
        if !is_attribute && !text.starts_with("//") {
            lines.push(text);
        }
        if text.ends_with(")]") {
            is_attribute = false;
        }
    }
    lines
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let is_test = path.ends_with("tests.rs") || path.ends_with("follow_ups.rs");
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test {
            found.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

#[test]
fn every_printed_command_means_the_same_stack() {
    let mut commands = Vec::new();
    targeted(&Cli::command(), "cistern", &mut commands);
    assert!(commands.iter().any(|name| name == "cistern senders test"));
    let mut files = Vec::new();
    let operator = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/operator");
    sources(&operator, &mut files);

    let mut printed = 0;
    for (path, source) in &files {
        for line in shown(source) {
            for (start, _) in line.match_indices("cistern ") {
                let rest = &line[start..];
                let is_targeted = commands.iter().any(|name| rest.starts_with(name.as_str()));
                if !is_targeted || WITHOUT_A_STACK.iter().any(|name| rest.starts_with(name)) {
                    continue;
                }
                printed += 1;
                let end = rest.find('`').unwrap_or(rest.len());
                assert!(rest[..end].contains("{suffix}"), "{path}: {line}");
            }
        }
    }
    assert!(printed > 20, "only {printed} commands were found");
}
