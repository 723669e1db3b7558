//! The consent of users.

use super::{ConsentConfig, Regulation, WhenUnknown};
use event_model::mparticle::{Batch, Field};

impl ConsentConfig {
    /// Whether the events of this batch's user may be sent.
    ///
    /// Under the GDPR `consented` agrees to a purpose. Under the CCPA it agrees to opting out of the sale of data.
    pub(super) fn allows(&self, batch: &Batch<'_>) -> bool {
        let said = match self.regulation {
            Regulation::Gdpr => {
                let purpose = self.purpose.as_deref().unwrap_or_default();
                consented(member(member(batch.consent_state, "gdpr"), purpose))
            }
            Regulation::Ccpa => {
                let opt_out = member(member(batch.consent_state, "ccpa"), "data_sale_opt_out");
                consented(opt_out).map(|opted_out| !opted_out)
            }
        };
        said.unwrap_or(self.when_unknown == WhenUnknown::Send)
    }
}

fn consented(state: Field<'_>) -> Option<bool> {
    member(state, "consented").boolean()
}

fn member<'a>(object: Field<'a>, name: &str) -> Field<'a> {
    let entries = object.entries().unwrap_or_default();
    entries
        .into_iter()
        .rev()
        .find(|(other, _)| other == name)
        .map(|(_, field)| field)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(regulation: Regulation, when_unknown: WhenUnknown) -> ConsentConfig {
        let purpose = (regulation == Regulation::Gdpr).then(|| "marketing".to_owned());
        ConsentConfig {
            regulation,
            purpose,
            when_unknown,
        }
    }

    fn batch(json: &str) -> Batch<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn gdpr_wants_a_yes_for_the_purpose() {
        let gdpr = config(Regulation::Gdpr, WhenUnknown::Skip);

        assert!(gdpr.allows(&batch(
            r#"{"consent_state":{"gdpr":{"marketing":{"consented":true}}}}"#
        )));
        assert!(!gdpr.allows(&batch(
            r#"{"consent_state":{"gdpr":{"marketing":{"consented":false}}}}"#
        )));
        assert!(!gdpr.allows(&batch(
            r#"{"consent_state":{"gdpr":{"other":{"consented":true}}}}"#
        )));
    }

    #[test]
    fn ccpa_wants_no_opt_out() {
        let ccpa = config(Regulation::Ccpa, WhenUnknown::Send);

        assert!(!ccpa.allows(&batch(
            r#"{"consent_state":{"ccpa":{"data_sale_opt_out":{"consented":true}}}}"#
        )));
        assert!(ccpa.allows(&batch(
            r#"{"consent_state":{"ccpa":{"data_sale_opt_out":{"consented":false}}}}"#
        )));
    }

    #[test]
    fn who_was_not_asked_is_as_configured() {
        for json in [
            "{}",
            r#"{"consent_state":null}"#,
            r#"{"consent_state":{"gdpr":{"marketing":{"consented":null}}}}"#,
        ] {
            assert!(config(Regulation::Gdpr, WhenUnknown::Send).allows(&batch(json)));
            assert!(!config(Regulation::Gdpr, WhenUnknown::Skip).allows(&batch(json)));
        }
    }
}
