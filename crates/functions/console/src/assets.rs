//! The style sheet, the script and the icon, under names that change with their content, so that browsers may keep them for ever.

use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("assets/console.css");
const SCRIPT: &str = include_str!("assets/console.js");
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#1170e6" d="M1 3h14v3H1zM3 7h10v2H3zM5 10h6v3H5z"/></svg>"##;

/// The names of this build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assets {
    style: String,
    script: String,
    icon: String,
}

/// Where assets are; the policy of the pages lets scripts come from here alone.
pub(crate) const FOLDER: &str = "/console/assets/";

impl Assets {
    /// Computes the names.
    pub(crate) fn new() -> Self {
        let name = |content: &str, extension| {
            let digest = hex::encode(Sha256::digest(content.as_bytes()));
            format!(
                "console-{}.{extension}",
                digest.get(..12).unwrap_or_default()
            )
        };
        Self {
            style: name(STYLE, "css"),
            script: name(SCRIPT, "js"),
            icon: name(ICON, "svg"),
        }
    }

    /// The address of the style sheet.
    pub(crate) fn style_path(&self) -> String {
        format!("{FOLDER}{}", self.style)
    }

    /// The address of the script.
    pub(crate) fn script_path(&self) -> String {
        format!("{FOLDER}{}", self.script)
    }

    /// The address of the icon.
    pub(crate) fn icon_path(&self) -> String {
        format!("{FOLDER}{}", self.icon)
    }

    /// The type and the content of an asset by its name.
    pub(crate) fn find(&self, name: &str) -> Option<(&'static str, &'static str)> {
        if name == self.style {
            Some(("text/css; charset=utf-8", STYLE))
        } else if name == self.script {
            Some(("text/javascript; charset=utf-8", SCRIPT))
        } else if name == self.icon {
            Some(("image/svg+xml", ICON))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_are_found_by_their_names_alone() {
        let assets = Assets::new();
        let name = assets.style_path();

        assert!(assets.find(name.strip_prefix(FOLDER).unwrap()).is_some());
        assert_eq!(assets.find("console.css"), None);
        assert_eq!(assets, Assets::new());
    }

    /// The policy of the pages would refuse what breaks it, and nobody would see why.
    #[test]
    fn assets_load_nothing_and_make_no_markup_of_text() {
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        for risky in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "http:",
            "https:",
            ".style",
        ] {
            assert!(!SCRIPT.contains(risky), "{risky}");
        }
    }
}
