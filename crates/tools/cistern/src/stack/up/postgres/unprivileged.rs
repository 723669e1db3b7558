//! Runs Postgres's programs as a user other than root, which they require.
//!
//! If this process is root, as in most containers, they run as `nobody`. That user may not be able to reach the checkout, which is often
//! below `/root`. Copying a hundred megabytes of programs and every database elsewhere would leave files outside the data directory, and
//! user namespaces are disabled in most containers. So the programs keep one capability, `CAP_DAC_OVERRIDE`, which root has in containers
//! too; `setpriv` of util-linux passes it on. Postgres checks the user id only, not the capabilities.

use std::{
    os::unix::fs::chown,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::unistd::geteuid;
use tokio::process::Command;

/// The user and the group `nobody`, by numbers that are the same on every Linux.
const NOBODY: u32 = 65_534;

/// The programs of one Postgres.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// A program of Postgres, run by a user other than root.
    pub(super) fn command(&self, name: &str) -> Command {
        let program = self.folder.join(name);
        if !geteuid().is_root() {
            return Command::new(program);
        }
        let mut command = Command::new("setpriv");
        command
            .args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")])
            .arg("--clear-groups")
            .args(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"])
            // Otherwise access(2), with which Postgres checks its own files, ignores capabilities.
            .arg("--securebits=+no_setuid_fixup")
            .arg(program)
            // The working directory may not be readable for them.
            .current_dir("/");
        command
    }
}

/// Gives a folder to the user that runs the programs.
pub(super) fn give(folder: &Path) -> Result<()> {
    if geteuid().is_root() {
        chown(folder, Some(NOBODY), Some(NOBODY))
            .with_context(|| format!("changing the owner of {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    /// The folder of `id` and `test` on every system that can run Postgres's programs.
    fn system() -> Programs {
        Programs::in_folder(Path::new("/usr/bin"))
    }

    #[tokio::test]
    async fn programs_are_not_run_by_root() {
        let output = system().command("id").arg("-u").output().await.unwrap();

        assert!(output.status.success(), "{output:?}");
        assert_ne!(output.stdout.trim_ascii(), b"0");
    }

    #[tokio::test]
    async fn programs_can_read_files_in_a_private_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();

        let readable = system().command("test").arg("-r").arg(&file).status();

        assert!(readable.await.unwrap().success());
    }
}
