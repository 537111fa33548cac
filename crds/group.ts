/** The API group and version that every resource of this project stands in. */
export const group = 'fairlead.dev';
export const version = 'v1alpha1';
export const apiVersion = `${group}/${version}` as const;
