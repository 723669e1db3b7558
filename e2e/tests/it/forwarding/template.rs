//! Requirements for the webhook's API in the template that no emulator can show.

use anyhow::{Context, Result, ensure};

use crate::stack::repository_root;

/// A deployment of a REST API is a snapshot: one whose name does not change keeps serving the old API.
#[test]
fn deployment_is_named_for_what_it_deploys() -> Result<()> {
    let template = std::fs::read_to_string(repository_root().join("template.yaml"))?;
    let start = template.find("  MParticleApi:\n").context("the API")?;
    let end = template
        .find("  # A snapshot of the API")
        .context("the end of the API")?;
    let api = template.get(start..end).context("the API comes first")?;

    let name = format!("MParticleDeployment{:08x}", fnv_1a(api.as_bytes()));

    let mentions = template.matches(&name).count();
    ensure!(
        mentions == 2,
        "the webhook's API has changed: rename its deployment to {name}, and in the stage as well"
    );
    Ok(())
}

/// <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>
fn fnv_1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}
