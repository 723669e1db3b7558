//! The checkout of Cistern that the command works on.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The root of a checkout: the folder with `template.yaml` and the sources it builds.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout around the working directory.
    pub(crate) fn around_working_directory() -> Result<Self> {
        let here = env::current_dir().context("finding the working directory")?;
        Self::around(&here).with_context(|| {
            format!(
                "{} is not inside a checkout of Cistern (no template.yaml with crates/tools/cistern beside it)",
                here.display()
            )
        })
    }

    /// The checkout around the working directory, or the one around a stack's data, for commands that are run elsewhere.
    pub(crate) fn near(data_dir: &Path) -> Option<Self> {
        Self::around_working_directory()
            .ok()
            .or_else(|| Self::around(data_dir))
    }

    fn around(folder: &Path) -> Option<Self> {
        folder
            .ancestors()
            .find(|root| {
                root.join("template.yaml").is_file() && root.join("crates/tools/cistern").is_dir()
            })
            .map(|root| Self {
                root: root.to_owned(),
            })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn template(&self) -> PathBuf {
        self.root.join("template.yaml")
    }

    /// The data directory of a stack unless `--data-dir` names another.
    pub(crate) fn default_data_dir(&self) -> PathBuf {
        self.root.join(".local")
    }

    /// The pinned tools. All stacks of a checkout share them.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join(".local/tools")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_found_from_a_folder_inside_it() {
        let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");

        let checkout = Checkout::around(&inside).expect("this crate is in a checkout");

        assert!(checkout.template().is_file());
        assert_eq!(
            checkout.root().join("crates/tools/cistern"),
            Path::new(env!("CARGO_MANIFEST_DIR"))
        );
    }

    #[test]
    fn is_found_by_the_data_of_its_stack() {
        let data_dir = Path::new(env!("CARGO_MANIFEST_DIR")).join(".local");

        assert!(Checkout::near(&data_dir).is_some());
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(Checkout::around(&elsewhere.path().join(".local")).is_none());
    }

    #[test]
    fn is_not_found_outside() {
        assert!(Checkout::around(Path::new("/")).is_none());
    }
}
