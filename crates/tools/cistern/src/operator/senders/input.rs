//! A secret that a person enters. It never comes from an argument, which every user of the machine may read.

use std::{
    fs,
    io::{IsTerminal as _, Read as _, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use email_senders::SecretOrigin;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

use super::Posting;
use crate::{operator::keys::random_key, stack::Secret};

/// Where the secret comes from.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Input {
    /// A file with the secret; - is stdin [default: stdin, or a generated one where it is your own choice]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// A secret, and whether it was made here.
#[derive(Debug)]
pub(super) struct NewSecret {
    pub(super) secret: Secret,
    pub(super) is_generated: bool,
}

impl Input {
    /// Whether a person will be asked.
    pub(super) fn is_asked_for(&self, sender: &Posting) -> bool {
        self.secret_file.is_none()
            && sender.proof.setup().origin != SecretOrigin::Own
            && stdin().is_terminal()
    }

    /// Reads the secret, or makes one.
    ///
    /// # Errors
    /// It cannot be read, or has another form than the sender's.
    pub(super) fn read(&self, sender: &Posting) -> Result<NewSecret> {
        let text = match &self.secret_file {
            None if sender.proof.setup().origin == SecretOrigin::Own => {
                return Ok(NewSecret {
                    secret: Secret::new(random_key()?),
                    is_generated: true,
                });
            }
            None if self.is_asked_for(sender) => ask()?,
            None => from_stdin()?,
            Some(file) if file == Path::new("-") => from_stdin()?,
            Some(file) => {
                fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?
            }
        };
        let text = text.trim();
        ensure!(!text.is_empty(), "no secret was given");
        sender.check(text)?;
        Ok(NewSecret {
            secret: Secret::new(text),
            is_generated: false,
        })
    }
}

fn from_stdin() -> Result<String> {
    let mut text = String::new();
    stdin()
        .read_to_string(&mut text)
        .context("reading the secret from stdin")?;
    Ok(text)
}

/// Asks on the terminal, which does not show what is typed.
fn ask() -> Result<String> {
    eprint!("secret (it is not shown): ");
    let silence = Silence::begin()?;
    let mut text = String::new();
    stdin()
        .read_line(&mut text)
        .context("reading the secret from the terminal")?;
    drop(silence);
    eprintln!();
    Ok(text)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> Result<Self> {
        let before = tcgetattr(stdin()).context("reading the terminal's settings")?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(stdin(), SetArg::TCSAFLUSH, &silent).context("silencing the terminal")?;
        Ok(Self(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if tcsetattr(stdin(), SetArg::TCSAFLUSH, &self.0).is_err() {
            eprintln!("the terminal stays silent: `stty echo` ends that");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use email_senders::Senders;

    use crate::operator::senders::posting;

    #[test]
    fn a_secret_of_ones_own_is_generated_unless_a_file_has_it() {
        let postmark = posting(&Senders::default(), "postmark", "").unwrap();
        let made = Input { secret_file: None }.read(&postmark).unwrap();
        assert!(made.is_generated && postmark.check(made.secret.expose()).is_ok());

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        fs::write(&path, " sixteen-characters\r\n").unwrap();
        let given = Input {
            secret_file: Some(path.clone()),
        };
        let read = given.read(&postmark).unwrap();
        assert!(!read.is_generated);
        assert_eq!(read.secret.expose(), "sixteen-characters");

        fs::write(&path, "short").unwrap();
        assert!(given.read(&postmark).is_err());
    }
}
