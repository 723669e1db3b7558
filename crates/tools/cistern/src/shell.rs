//! Words of a POSIX shell, for commands that a person copies.

use std::path::Path;

/// A word that a shell reads unchanged, always in quotes.
pub(crate) fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// A word that a shell reads unchanged, in quotes only if it needs them.
pub(crate) fn word(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        value.to_owned()
    } else {
        quoted(value)
    }
}

/// The option that selects a local stack, to be appended to another command: empty, or a space and the option.
pub(crate) fn data_dir_option(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| {
        format!(" --data-dir {}", word(&path.to_string_lossy()))
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_shell_reads_every_word_as_it_is(value in "[^\0]{0,40}|[a-z /~*$#!-]{0,12}") {
            for written in [quoted(&value), word(&value)] {
                let script = format!("printf %s {written}");
                let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
                prop_assert_eq!(String::from_utf8(shell.stdout).unwrap(), value.as_str());
            }
        }
    }
}
