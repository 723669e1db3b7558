//! The template as the local stack deploys it: the same text with the path of each function's code.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

/// The code of a function in the template: the whole checkout, from which `sam build` takes a binary.
const SOURCE: &str = "CodeUri: .";
/// The line with a function's binary.
const BINARY: &str = "BuildProperties: {Binary: ";
/// The line with the concurrency of a queue's function.
const CONCURRENCY: [&str; 2] = [
    "MaximumConcurrency: !Ref LoaderConcurrency",
    "MaximumConcurrency: !Ref ArchiverConcurrency",
];

/// Lines that the emulator does not support: as they are in the template, and as they are deployed.
///
/// - The emulator speaks plain HTTP, so a statement about transport would deny everything. It is changed to apply to
///   requests with a known transport, which the emulator's requests never have.
/// - Permission for a batch is permission for the single action
///   (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html>), but the emulator requires
///   an action named after the batch call, which IAM does not know.
///
/// All other policies are deployed unchanged, and enforced. The origin of the API is replaced too ([`API_ORIGIN`]).
const REPLACED: [(&str, &str); 3] = [
    (
        r#"Condition: {Bool: {aws:SecureTransport: "false"}}"#,
        r#"Condition: {"Null": {aws:SecureTransport: "true"}}"#,
    ),
    (
        "Action: [sqs:ReceiveMessage, sqs:DeleteMessage,",
        "Action: [sqs:ReceiveMessage, sqs:DeleteMessage, sqs:DeleteMessageBatch,",
    ),
    (
        "sqs:ChangeMessageVisibility]",
        "sqs:ChangeMessageVisibility, sqs:ChangeMessageVisibilityBatch]",
    ),
];

/// The line with the gateway's origin, for the console and the reconciler, which is the reverse proxy's here: the emulator does not have
/// the gateway's host, and browsers reach the console by the proxy.
const API_ORIGIN: &str =
    "API_ORIGIN: !Sub https://${HttpApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}";

/// A line of ingest alone, behind which it is told where SNS is.
const INGEST: &str = "STORE_DEADLINE_MS: \"8000\"";

/// Where functions find what the emulator does not have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places<'a> {
    /// The origin of all routes.
    pub(crate) api_origin: &'a str,
    /// What answers the console's queries of the lake.
    pub(crate) athena_url: &'a str,
    /// The stand-in for SNS.
    pub(crate) sns_url: &'a str,
}

/// The functions of a template: the binary of each, by its logical id.
pub(crate) fn functions(template: &str) -> Result<BTreeMap<String, String>> {
    let mut functions = BTreeMap::new();
    for (resource, line) in lines_with_resource(template) {
        let Some(binary) = line.trim().strip_prefix(BINARY) else {
            continue;
        };
        let binary = binary
            .strip_suffix('}')
            .with_context(|| format!("{resource}: cannot read `{}`", line.trim()))?;
        functions.insert(resource.to_owned(), binary.to_owned());
    }
    let with_code = template
        .lines()
        .filter(|line| line.trim() == SOURCE)
        .count();
    if functions.is_empty() || functions.len() != with_code {
        bail!(
            "the template has {with_code} functions with `{SOURCE}`, but {} that name a binary",
            functions.len()
        );
    }
    Ok(functions)
}

/// The path of a function's package in the folder `code`.
pub(crate) fn package(code: &Path, function: &str) -> PathBuf {
    code.join(format!("{function}.zip"))
}

/// Points each function's code at its package in `code`, the console and the reconciler at the API, the console at Athena and ingest at
/// SNS, writes numbers where the emulator needs them, and leaves out what cannot hold there ([`REPLACED`]).
///
/// The emulator's queue poller compares `MaximumConcurrency` as a number, but receives a parameter's value as text, which AWS
/// converts.
pub(crate) fn with_code(
    template: &str,
    code: &Path,
    concurrency: u32,
    places: Places<'_>,
) -> String {
    let mut staged = String::with_capacity(template.len() + 1024);
    for (resource, line) in lines_with_resource(template) {
        if line.trim() == SOURCE {
            let package = package(code, resource);
            // A path in single quotes may contain anything; single quotes are doubled.
            let package = package.to_string_lossy().replace('\'', "''");
            staged.push_str(&line.replace(SOURCE, &format!("CodeUri: '{package}'")));
        } else {
            let number = format!("MaximumConcurrency: {concurrency}");
            // https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
            let origin = format!(
                "API_ORIGIN: {}\n          AWS_ENDPOINT_URL_ATHENA: {}",
                places.api_origin, places.athena_url
            );
            let ingest = format!(
                "{INGEST}\n          AWS_ENDPOINT_URL_SNS: {}",
                places.sns_url
            );
            let numbered = CONCURRENCY.iter().map(|there| (*there, number.as_str()));
            let line = numbered
                .chain([(API_ORIGIN, origin.as_str()), (INGEST, ingest.as_str())])
                .chain(REPLACED)
                .fold(line.to_owned(), |line, (there, here)| {
                    line.replace(there, here)
                });
            staged.push_str(&line);
        }
        staged.push('\n');
    }
    staged
}

/// Each line with the name of the entry that it belongs to: resources are indented by two spaces.
fn lines_with_resource(template: &str) -> impl Iterator<Item = (&str, &str)> {
    template.lines().scan("", |resource, line| {
        let name = line
            .strip_prefix("  ")
            .filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
            .and_then(|name| name.strip_suffix(':'));
        if let Some(name) = name {
            *resource = name;
        }
        Some((*resource, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../../../../template.yaml");
    const PLACES: Places<'_> = Places {
        api_origin: "http://127.0.0.1:1",
        athena_url: "http://127.0.0.1:2",
        sns_url: "http://127.0.0.1:3",
    };

    #[test]
    fn every_function_is_found_with_its_binary() {
        let functions = functions(TEMPLATE).unwrap();

        let found: Vec<(&str, &str)> = functions
            .iter()
            .map(|(function, binary)| (function.as_str(), binary.as_str()))
            .collect();
        let declared = TEMPLATE.matches("Type: AWS::Serverless::Function").count();
        assert_eq!(found.len(), declared);
        assert!(found.contains(&("IngestFunction", "ingest")), "{found:?}");
        assert!(
            found.contains(&("MigratorFunction", "migrator")),
            "{found:?}"
        );
    }

    #[test]
    fn nothing_changes_but_code_concurrency_origin_and_replaced_lines() {
        let mut staged = with_code(TEMPLATE, Path::new("/it's"), 4, PLACES);
        for (added, count) in [
            ("\n          AWS_ENDPOINT_URL_ATHENA: http://127.0.0.1:2", 2),
            ("\n          AWS_ENDPOINT_URL_SNS: http://127.0.0.1:3", 1),
        ] {
            assert_eq!(staged.matches(added).count(), count, "{added}");
            staged = staged.replace(added, "");
        }
        let cannot_hold = |line: &&str| REPLACED.iter().any(|(there, _)| line.contains(there));

        let changed: Vec<(&str, &str)> = TEMPLATE
            .lines()
            .zip(staged.lines())
            .filter(|(before, after)| before != after)
            .collect();
        assert_eq!(
            changed.len(),
            functions(TEMPLATE).unwrap().len()
                + CONCURRENCY.len()
                + 2
                + TEMPLATE.lines().filter(cannot_hold).count()
        );
        assert!(changed.contains(&(
            "      CodeUri: .",
            "      CodeUri: '/it''s/IngestFunction.zip'"
        )));
        assert!(staged.contains("ScalingConfig: {MaximumConcurrency: 4}"));
        assert!(staged.contains("\n          API_ORIGIN: http://127.0.0.1:1\n"));
        assert_eq!(TEMPLATE.lines().count(), staged.lines().count());
    }

    #[test]
    fn every_replaced_line_is_in_the_template() {
        for (there, here) in REPLACED {
            assert!(TEMPLATE.contains(there), "{there}");
            assert!(!TEMPLATE.contains(here), "{here}");
        }
        let staged = with_code(TEMPLATE, Path::new("/"), 4, PLACES);
        assert!(!staged.contains("Bool: {aws:SecureTransport"));
        // A permission for single messages is also one for batches.
        for action in ["sqs:DeleteMessage", "sqs:ChangeMessageVisibility"] {
            let count = |text: &str| staged.matches(text).count();
            assert_eq!(count(&format!("{action}Batch")) * 2, count(action));
        }
    }

    #[test]
    fn a_function_that_names_no_binary_is_refused() {
        let template = "Resources:\n  OddFunction:\n    Properties:\n      CodeUri: .\n";

        assert!(functions(template).is_err());
    }
}
