//! See [`dpdkgen_fuzz::receiver`].
#![cfg_attr(fuzzing, no_main)]

dpdkgen_fuzz::target!(receiver);
