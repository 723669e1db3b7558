//! Commerce events: actions on products, promotions, impressions.

use std::borrow::Cow;

use event_model::mparticle::{Commerce, EventData};

use super::{
    EventKind, Note, PurchaseMode, SkipReason,
    commerce_fields::{add_order, add_products},
    compiled_config::CompiledConfig,
    data_fields::DataFields,
    draft::{Content, Draft},
    outcome::NotSent,
    purchase::Purchase,
};

/// The `action` of a purchase.
const PURCHASE: &str = "purchase";

/// Drafts a commerce event: a purchase, if purchases are recorded as such and this one is complete, or else an event.
pub(super) fn draft<'m, 'a>(
    compiled: &CompiledConfig,
    data: &EventData<'a>,
) -> Result<Draft<'m, 'a>, NotSent> {
    let commerce = Commerce::read(data);
    let Some(action) = action(&commerce) else {
        return Err(SkipReason::TypeNotMapped.into());
    };
    let (sends, as_purchase) = match (action.as_ref(), compiled.purchase_mode()) {
        (PURCHASE, PurchaseMode::Off) => (false, false),
        (PURCHASE, PurchaseMode::Event) => (true, false),
        (PURCHASE, PurchaseMode::Purchase) => (true, true),
        _ => (compiled.sends(EventKind::Commerce), false),
    };
    if !sends {
        return Err(SkipReason::TypeOff.into());
    }
    let mut draft = event(compiled, &action, data, &commerce)?;
    if as_purchase {
        match Purchase::read(&commerce) {
            Some(purchase) => return Ok(purchase_draft(data, &commerce, purchase)),
            None => draft.fields.note(Note::PurchaseAsEvent),
        }
    }
    Ok(draft)
}

fn purchase_draft<'m, 'a>(
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
    purchase: Purchase<'a>,
) -> Draft<'m, 'a> {
    let mut fields = DataFields::default();
    add_order(&mut fields, data, commerce);
    if !purchase.has_total() {
        // A value that is not a number is kept as text, or noted.
        fields.number("total_amount", commerce.product_action.total_amount);
    }
    Draft {
        content: Content::Purchase(purchase),
        fields,
    }
}

/// The action that names the event. A product action is more specific than a promotion, a promotion more than an
/// impression.
fn action<'a>(commerce: &Commerce<'a>) -> Option<Cow<'a, str>> {
    let known = |action: &Cow<'a, str>| action != "unknown";
    if let Some(action) = commerce.product_action.action.text().filter(known) {
        return Some(action);
    }
    if let Some(action) = commerce.promotion_action.action.text().filter(known) {
        return Some(Cow::Owned(format!("promotion_{action}")));
    }
    let has_impressions = commerce.impressions().next().is_some();
    has_impressions.then_some(Cow::Borrowed("product_impression"))
}

fn event<'m, 'a>(
    compiled: &CompiledConfig,
    action: &str,
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
) -> Result<Draft<'m, 'a>, NotSent> {
    let Some(event_name) = compiled
        .naming
        .event_name(EventKind::Commerce, Some(action))
    else {
        return Err(SkipReason::NameOff.into());
    };
    let mut fields = DataFields::default();
    if !compiled.naming.tells_value(EventKind::Commerce) {
        fields.string("action", action);
    }
    fields.number("total_amount", commerce.product_action.total_amount);
    add_order(&mut fields, data, commerce);
    add_products(&mut fields, commerce);
    Ok(Draft {
        content: Content::Event(event_name),
        fields,
    })
}
