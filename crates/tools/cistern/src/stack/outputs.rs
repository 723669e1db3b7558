//! The outputs of a deployed template, as AWS SAM lists them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Reads the response of `sam list stack-outputs --output json`: values by name.
///
/// # Errors
///
/// The text is not such a list.
pub(crate) fn parse_outputs(response: &str) -> Result<BTreeMap<String, String>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output {
        output_key: String,
        output_value: String,
    }
    let outputs: Vec<Output> =
        serde_json::from_str(response).context("reading the outputs of the template")?;
    Ok(outputs
        .into_iter()
        .map(|output| (output.output_key, output.output_value))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read_by_name() {
        let response =
            r#"[{"OutputKey": "QueryUrl", "OutputValue": "https://q", "Description": "d"}]"#;

        let outputs = parse_outputs(response).unwrap();

        assert_eq!(outputs["QueryUrl"], "https://q");
        assert!(parse_outputs("no stack").is_err());
    }
}
