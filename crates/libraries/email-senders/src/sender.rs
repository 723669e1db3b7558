//! A sender of email events, whether this crate knows its provider or a recipe describes it.

use std::sync::Arc;

use event_model::BatchKey;

use crate::{
    proof::{Received, Refused},
    provider::{Certified, Element, Provider, Scheme},
    recipe::{self, Recipe},
    rows::Rows,
    setup::{Setup, TestDelivery, Trial},
    sns::{Purpose, SnsUrl},
};

/// A sender of email events other than SparkPost. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sender(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Provider(&'static Provider),
    Recipe(Arc<Recipe>),
}

impl Sender {
    pub(crate) fn of_provider(provider: &'static Provider) -> Self {
        Self(Kind::Provider(provider))
    }

    pub(crate) fn of_recipe(recipe: Arc<Recipe>) -> Self {
        Self(Kind::Recipe(recipe))
    }

    /// Its name in the route, in object keys and in events, such as `sendgrid`.
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Provider(provider) => provider.name,
            Kind::Recipe(recipe) => recipe.name(),
        }
    }

    /// Its name for people.
    pub fn label(&self) -> &str {
        match &self.0 {
            Kind::Provider(provider) => provider.label,
            Kind::Recipe(recipe) => recipe.label(),
        }
    }

    /// The recipe that describes it; none of a provider that this crate knows.
    pub fn recipe(&self) -> Option<&Recipe> {
        match &self.0 {
            Kind::Provider(_) => None,
            Kind::Recipe(recipe) => Some(recipe),
        }
    }

    /// How its requests prove themselves; none of one that does not post.
    pub fn proof(&self) -> Option<Proof> {
        match &self.0 {
            Kind::Provider(provider) => {
                let scheme = provider.proof.as_ref()?;
                Some(Proof(ProofKind::Scheme(scheme)))
            }
            Kind::Recipe(recipe) => Some(Proof(ProofKind::Recipe(Arc::clone(recipe)))),
        }
    }

    /// The key under which a delivery is stored. It has all that the translation needs and the body does not have.
    pub fn batch_key(&self, received: &Received<'_>) -> BatchKey {
        match &self.0 {
            Kind::Provider(provider) => provider.batch_key(received),
            Kind::Recipe(recipe) => recipe.batch_key(received),
        }
    }

    /// Adds what one element of a body becomes.
    pub(crate) fn translate(&self, element: &Element<'_>, rows: &mut Rows<'_>) {
        match &self.0 {
            Kind::Provider(provider) => (provider.translate)(element, rows),
            Kind::Recipe(recipe) => recipe.translate(element, rows),
        }
    }
}

/// How requests prove that they are the sender's. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Proof(ProofKind);

#[derive(Clone, Debug)]
enum ProofKind {
    Scheme(&'static Scheme),
    Recipe(Arc<Recipe>),
}

impl Proof {
    /// Checks that a request is the sender's, on the exact bytes of its body, with each of the secrets.
    ///
    /// # Errors
    /// When no secret proves it, with the reason of the one with which the check came furthest; an empty secret proves nothing.
    pub fn check<'s>(
        &self,
        received: &Received<'_>,
        secrets: impl IntoIterator<Item = &'s str>,
    ) -> Result<(), Refused> {
        self.first_of(secrets, |secret| match &self.0 {
            ProofKind::Scheme(scheme) => (scheme.verify)(received, secret),
            ProofKind::Recipe(recipe) => recipe.verify(received, secret),
        })
    }

    /// Where the certificate is that [`check`](Self::check) needs; none of a sender that signs without one.
    ///
    /// # Errors
    /// When a check fails that needs no certificate.
    pub fn certificate_url<'s>(
        &self,
        received: &Received<'_>,
        secrets: impl IntoIterator<Item = &'s str>,
    ) -> Result<Option<SnsUrl>, Refused> {
        let Some(certified) = self.certified() else {
            return Ok(None);
        };
        self.first_of(secrets, |secret| (certified.url)(received, secret))
            .map(Some)
    }

    /// What a request is for that [`check`](Self::check) has proven.
    pub fn purpose(&self, received: &Received<'_>) -> Purpose {
        self.certified()
            .map_or(Purpose::Delivery, |certified| (certified.purpose)(received))
    }

    fn certified(&self) -> Option<&'static Certified> {
        match &self.0 {
            ProofKind::Scheme(scheme) => scheme.certified.as_ref(),
            ProofKind::Recipe(_) => None,
        }
    }

    /// What a check says of the first secret that it accepts.
    fn first_of<'s, T>(
        &self,
        secrets: impl IntoIterator<Item = &'s str>,
        check: impl Fn(&str) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let mut furthest = Refused::NoSecret;
        for secret in secrets {
            if self.check_secret(secret).is_err() {
                continue;
            }
            match check(secret) {
                Ok(accepted) => return Ok(accepted),
                Err(refused) => furthest = furthest.max(refused),
            }
        }
        Err(furthest)
    }

    /// Whether a text can be a secret of this sender.
    ///
    /// # Errors
    /// What is expected instead.
    pub fn check_secret(&self, secret: &str) -> Result<(), &'static str> {
        match &self.0 {
            ProofKind::Scheme(scheme) => (scheme.check_secret)(secret),
            ProofKind::Recipe(recipe) => recipe.check_secret(secret),
        }
    }

    /// What its secret is and where the sender shows it, for a person.
    pub fn secret(&self) -> &'static str {
        match &self.0 {
            ProofKind::Scheme(scheme) => scheme.secret,
            ProofKind::Recipe(recipe) => recipe.secret(),
        }
    }

    /// How a person sets the webhook up.
    pub fn setup(&self) -> Setup {
        match &self.0 {
            ProofKind::Scheme(scheme) => scheme.setup,
            ProofKind::Recipe(_) => recipe::SETUP,
        }
    }

    /// The headers that the proof needs, in lower case, each after the name under which it is kept with a body.
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        match &self.0 {
            ProofKind::Scheme(scheme) => scheme.headers.iter().map(|name| (*name, *name)).collect(),
            ProofKind::Recipe(recipe) => recipe.headers(),
        }
    }

    /// The status that makes the sender send the request again after a wrong proof.
    pub fn refusal_status(&self) -> u16 {
        match &self.0 {
            ProofKind::Scheme(scheme) => scheme.refusal_status,
            ProofKind::Recipe(_) => 401,
        }
    }

    /// A delivery like that of the provider's test button, with one event of this moment.
    pub fn test_delivery(&self, trial: &Trial<'_>) -> TestDelivery {
        match &self.0 {
            ProofKind::Scheme(scheme) => (scheme.test)(trial),
            ProofKind::Recipe(recipe) => recipe.test_delivery(trial),
        }
    }
}
