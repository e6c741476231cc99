//! clap's errors, each as one sentence.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Says what `error` is about, without clap's layout and usage text.
pub fn sentence(error: &Error, commands: &[&str]) -> String {
    let arg = option_name(&text(error, ContextKind::InvalidArg));
    let value = text(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => format!("{arg} needs a value"),
        ErrorKind::InvalidValue => {
            let allowed = text(error, ContextKind::ValidValue);
            format!("{arg} {value} is not one of {allowed}")
        }
        ErrorKind::ValueValidation if value.is_empty() => format!("{arg} needs a value"),
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(reason) => format!("{arg} {value} {reason}"),
            None => format!("{arg} cannot be {value}"),
        },
        ErrorKind::UnknownArgument => unknown(error, &arg),
        ErrorKind::InvalidSubcommand => {
            let name = text(error, ContextKind::InvalidSubcommand);
            format!(
                "there is no command '{name}': the commands are {}",
                commands.join(", ")
            )
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            format!(
                "no command was given: the commands are {}",
                commands.join(", ")
            )
        }
        ErrorKind::ArgumentConflict => {
            let other = option_name(&text(error, ContextKind::PriorArg));
            if other == arg {
                format!("{arg} was given twice")
            } else {
                format!("{arg} and {other} exclude each other")
            }
        }
        ErrorKind::MissingRequiredArgument => {
            format!("{} is missing", arg.trim_matches(['<', '>']))
        }
        ErrorKind::TooManyValues => format!("{arg} takes no value, and '{value}' was given"),
        ErrorKind::InvalidUtf8 => "an argument is not valid UTF-8".to_owned(),
        _ => first_line(error),
    }
}

/// Returns the option that is not known, if that is what is wrong.
pub fn unknown_option(error: &Error) -> Option<String> {
    let arg = option_name(&text(error, ContextKind::InvalidArg));
    let is_unknown = error.kind() == ErrorKind::UnknownArgument && arg.starts_with('-');
    // As it was given: `--rate=1M`.
    is_unknown.then(|| arg.split('=').next().unwrap_or(&arg).to_owned())
}

fn unknown(error: &Error, arg: &str) -> String {
    if !arg.starts_with('-') {
        return format!("'{arg}' is an argument too many");
    }
    let kind = "there is no option";
    match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(near)) => {
            format!("{kind} '{arg}', perhaps {} was meant", option_name(near))
        }
        _ => format!("{kind} '{arg}'"),
    }
}

fn text(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}

/// Returns `--rate` out of clap's `--rate <R>`.
fn option_name(arg: &str) -> String {
    arg.split(" <").next().unwrap_or(arg).to_owned()
}

fn first_line(error: &Error) -> String {
    let text = error.render().to_string();
    let line = text
        .lines()
        .next()
        .unwrap_or("the command line was not understood");
    line.trim_start_matches("error: ").to_owned()
}
