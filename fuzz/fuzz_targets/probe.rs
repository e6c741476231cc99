//! See [`dpdkgen_fuzz::probe`].
#![cfg_attr(fuzzing, no_main)]

dpdkgen_fuzz::target!(probe);
