//! Commerce events: actions on products, promotions, impressions.

use std::borrow::Cow;

use event_model::mparticle::{Commerce, Event, EventData};

use super::{
    Call, EventKind, Note, PurchaseMode, SkipReason,
    batch_context::{BatchContext, Draft},
    commerce_fields::{add_order, products},
    compiled_config::CompiledConfig,
    data_fields::DataFields,
    outcome::NotSent,
    purchase,
};

/// The `action` of a purchase.
const PURCHASE: &str = "purchase";

/// What is sent for a commerce event.
pub(super) fn map<'a>(context: &BatchContext<'_, 'a>, event: &Event<'a>) -> Result<Call, NotSent> {
    let data = event.data();
    let commerce = Commerce::read(&data);
    let Some(action) = action(&commerce) else {
        return Err(SkipReason::TypeNotMapped.into());
    };
    let compiled = context.compiled;
    let (sends, as_purchase) = match (action.as_ref(), compiled.purchase_mode()) {
        (PURCHASE, PurchaseMode::Off) => (false, false),
        (PURCHASE, PurchaseMode::Event) => (true, false),
        (PURCHASE, PurchaseMode::Purchase) => (true, true),
        _ => (compiled.sends(EventKind::Commerce), false),
    };
    if !sends {
        return Err(SkipReason::TypeOff.into());
    }
    let mut draft = draft(compiled, &action, &data, &commerce)?;
    if as_purchase {
        match purchase::lines(&commerce) {
            Some(lines) => return purchase::map(context, event, &data, &commerce, &lines),
            None => draft.fields.note(Note::PurchaseAsEvent),
        }
    }
    context.event_call(event, &data, draft)
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
    (!commerce.impressions.is_empty()).then_some(Cow::Borrowed("product_impression"))
}

fn draft<'m>(
    compiled: &'m CompiledConfig,
    action: &str,
    data: &EventData<'_>,
    commerce: &Commerce<'_>,
) -> Result<Draft<'m>, NotSent> {
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
    let list = products("products", &commerce.products, fields.notes());
    fields.array("products", &list);
    Ok(Draft { event_name, fields })
}
