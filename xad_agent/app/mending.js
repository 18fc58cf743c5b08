// What Gradio leaves out for those who cannot see the page: names of fields and buttons, and fitting roles.
const XAD_MENDED = [
    ['#xad-question textarea', element => element.setAttribute('aria-label', 'Question')],
    ['#xad-conversation button:has(img):not([aria-label])', element => {
        element.setAttribute('aria-label', 'Show it large');
    }],
    ['#xad-conversation img:not([alt]), #xad-conversation img[alt=""]', element => {
        element.alt = 'What the question is about';
    }],
    ['[aria-label="Empty value"]', element => element.setAttribute('role', 'img')],
    // Says so while it records, too; its text tells which.
    ['button[aria-label="start recording"]', element => element.removeAttribute('aria-label')],
    // What scrolls must hold something that can be focused.
    ['.virtual-table-viewport th.first-column', element => element.setAttribute('tabindex', '0')],
    ['[role=listitem]', element => element.setAttribute('role', 'group')],  // of no list
];
const xadMend = () => {
    for (const [where, mend] of XAD_MENDED) document.querySelectorAll(where).forEach(mend);
};
new MutationObserver(xadMend).observe(document.documentElement, {childList: true, subtree: true});
