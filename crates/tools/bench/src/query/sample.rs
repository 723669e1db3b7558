//! Events whose values are searched.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::psql::Psql;

pub(crate) const METADATA_KEY: &str = "user_id";

/// Events whose values are searched.
pub(crate) struct Samples {
    pub(super) any: Vec<Sample>,
    pub(super) bounces: Vec<Sample>,
}

#[derive(Deserialize)]
pub(super) struct Sample {
    pub(super) day: String,
    pub(super) rcpt_to: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) transmission_id: Option<String>,
    pub(super) campaign_id: Option<String>,
    pub(super) recipient_domain: Option<String>,
    pub(super) user_id: Option<String>,
    pub(super) subject: Option<String>,
}

impl Samples {
    /// Draws `count` events of each kind, the same in each run.
    pub(crate) fn draw(psql: &Psql, count: usize) -> Result<Self> {
        Ok(Self {
            any: draw(psql, "subject is not null", count)?,
            bounces: draw(psql, "type = 'bounce' and campaign_id is not null", count)?,
        })
    }
}

fn draw(psql: &Psql, condition: &str, count: usize) -> Result<Vec<Sample>> {
    let samples = psql.run(&format!(
        "select json_agg(sample)
         from (
             select to_char(ts at time zone 'UTC', 'YYYY-MM-DD') as day, rcpt_to, message_id, transmission_id,
                 campaign_id, recipient_domain, event->'rcpt_meta'->>'{METADATA_KEY}' as user_id, subject
             from email_events
             where {condition} and rcpt_to is not null and event->'rcpt_meta'->>'{METADATA_KEY}' is not null
             order by md5(event_key::text)
             limit {count}
         ) as sample"
    ))?;
    let samples: Vec<Sample> = serde_json::from_str(&samples).context("reading samples")?;
    ensure!(
        samples.len() == count,
        "there are too few events to search for"
    );
    Ok(samples)
}
