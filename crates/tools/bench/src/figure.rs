//! A measured figure and its output.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

/// Whether a lower or a higher figure is better.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// One line of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) id: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// The target; `None` if the figure is informational.
    pub(crate) target: Option<f64>,
    pub(crate) ok: bool,
    pub(crate) detail: Value,
}

impl Figure {
    /// An informational figure.
    pub(crate) fn new(id: String, value: f64, unit: &'static str, better: Better) -> Self {
        Self {
            id,
            value,
            unit,
            better,
            target: None,
            ok: true,
            detail: Value::Null,
        }
    }

    /// Sets the target.
    pub(crate) fn target(mut self, target: f64) -> Self {
        self.target = Some(target);
        self.ok = match self.better {
            Better::Higher => self.value >= target,
            Better::Lower => self.value <= target,
        };
        self
    }

    /// Adds the values from which it was computed.
    pub(crate) fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// Prints a table.
pub(crate) fn print(figures: &[Figure]) {
    println!(
        "{:<36} {:>14} {:<12} {:>10}",
        "figure", "value", "unit", "target"
    );
    for figure in figures {
        let target = figure.target.map_or(String::new(), |target| {
            let verdict = if figure.ok { "ok" } else { "MISSED" };
            format!("{target:>10} {verdict}")
        });
        println!(
            "{:<36} {:>14} {:<12} {target}",
            figure.id,
            rounded(figure.value),
            figure.unit
        );
    }
}

/// Writes `target/bench/<group>.json`.
pub(crate) fn write(group: &str, figures: &[Figure]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/bench");
    fs::create_dir_all(&folder).context("creating target/bench")?;
    let path = folder.join(format!("{group}.json"));
    let text = serde_json::to_string_pretty(figures).context("writing figures as JSON")?;
    fs::write(&path, text + "\n").with_context(|| format!("writing {}", path.display()))
}

/// Three decimals for small values, none for large ones.
fn rounded(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.0}")
    }
}
